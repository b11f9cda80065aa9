"""What Azure has answered, read from the errors of all its SDKs."""

import json
import re
from collections.abc import Mapping
from typing import Any

LONGEST = 500  # characters of what Azure said
QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\")]*")  # it may be a signature, which opens the address


def find_status(error: BaseException) -> int:
    """Return the HTTP status of the answer that an error, or one that it came from, is about; 0 if there is none."""
    answer = _find_answer(error)
    return int(answer.status_code) if answer is not None else 0


def _find_answer(error: BaseException | None) -> Any | None:
    """Return the answer behind an error: the SDK wraps its errors in others that do not say what Azure said."""
    while error is not None:
        answer = getattr(error, "response", None)
        if isinstance(getattr(answer, "status_code", None), int):
            return answer
        error = error.__cause__ or error.__context__
    return None


def read_message(error: BaseException) -> str:
    """Return what Azure said: the message or code in its answer, or what the SDK makes of it."""
    answer = _find_answer(error)
    text = getattr(answer, "text", "")
    try:
        said = _fold(json.loads(text if isinstance(text, str) else text()))
        inner = _fold(said.get("error", said))
        message = inner.get("message") or inner.get("code")
    except (ValueError, AttributeError):  # no JSON, or another shape
        message = ""
    text = " ".join(str(message or getattr(error, "message", "") or error).split())
    return QUERY.sub(r"\1", text)


def _fold(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer with small letters in its names: the pipeline service writes them with capitals."""
    return {name.lower(): value for name, value in answer.items()}
