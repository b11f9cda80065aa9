"""Functions that read status, error codes, messages and waiting times from the errors that Azure's SDKs raise."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

QUERY = re.compile(r"((?:https?://|/)[^\s?'\"]*)\?[^\s'\")]*")  # a query can contain a signature that grants access
STATUS = re.compile(r"Request failed \((\d{3})\)")  # errors of the data set client have the status only in their text
CLUTTER = re.compile(r"\s*\n(?:RequestId|ErrorCode|Time|Content):.*", re.DOTALL)  # lines that storage clients append
BUSY = (408, 429, 500, 502, 503, 504)


class Response(Protocol):
    """The attributes that the responses of the packages `requests`, `msrest` and `azure-core` have in common."""

    status_code: int
    headers: Mapping[str, str]


class ReportedError(Exception):
    """An error that Azure reports in an answer with a successful HTTP status.

    Parameters
    ----------
    body : object
        The error in the answer: ``{"code", "message", "details": [...]}``.
    """

    def __init__(self, body: object) -> None:
        super().__init__("Azure gave no reason")
        self.body = body


@dataclass(frozen=True)
class Reason:
    """The code and message of an error that Azure reported."""

    code: str
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.code, self.message)))


def find_status(error: BaseException) -> int:
    """Return the HTTP status of the answer that caused an error, or 0 if Azure did not answer."""
    response = _find_response(error)
    if response is not None:
        return response.status_code
    found = STATUS.search(str(error))
    return int(found[1]) if found else 0


def is_missing(error: BaseException) -> bool:
    """Return whether an error is Azure's answer that a resource does not exist."""
    return find_status(error) == 404


def is_transient(error: BaseException) -> bool:
    """Return whether a retry may succeed, because Azure was busy or the connection failed."""
    return find_status(error) in BUSY or is_unreachable(error)


def is_unreachable(error: BaseException) -> bool:
    """Return whether an error means that Azure could not be reached or that the connection was lost."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError
    from msrest.exceptions import ClientRequestError
    from requests import ConnectionError as LostConnection
    from requests import Timeout

    lost = (ClientRequestError, LostConnection, Timeout, ServiceRequestError, ServiceResponseError)
    return not find_status(error) and any(isinstance(one, lost) for one in _walk_causes(error))


def find_pause(error: BaseException) -> float | None:
    """Return the seconds in the ``Retry-After`` header of Azure's answer, or None if there is no such header."""
    response = _find_response(error)
    asked = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return float(asked) if asked.isdigit() else None


def has_code(error: BaseException, code: str) -> bool:
    """Return whether Azure reported an error with this code, such as "ResourceGroupNotFound"."""
    return any(reason.code == code for reason in read_reasons(error))


def read_reasons(error: BaseException) -> list[Reason]:
    """Return the errors that Azure reported in its answer, or the SDK's message if Azure reported none."""
    if isinstance(error, ReportedError):
        found = list_reasons(error.body)
    else:
        found = list_reasons(_read_json(_find_response(error)))
    return found or [_read_sdk_error(error)]


def list_reasons(body: object) -> list[Reason]:
    """Return the errors in the body of an answer, without duplicates and without errors that only wrap others.

    Parameters
    ----------
    body : object
        The decoded JSON: ``{"error": {"code", "message", "details": [...]}}``.
    """
    return list(dict.fromkeys(_walk(body)))


def _walk(body: object) -> Iterator[Reason]:
    if not isinstance(body, Mapping):
        return
    known = {str(name).lower(): value for name, value in body.items()}  # the pipeline service capitalizes names
    if isinstance(known.get("error"), Mapping):
        yield from _walk(known["error"])
        return
    inner = [reason for detail in known.get("details") or () for reason in _walk(detail)]
    # Resource Manager can nest another error as JSON text. The outer errors only repeat that something failed.
    inner += _walk(_parse(known.get("message")))
    if inner:
        yield from inner
    elif known.get("code") or known.get("message"):
        yield Reason(str(known.get("code") or ""), _clean(str(known.get("message") or "")))


def _parse(text: object) -> object:
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _read_sdk_error(error: BaseException) -> Reason:
    code = getattr(error, "error_code", None)  # set by storage clients, which read it from XML and headers
    message = CLUTTER.sub("", str(getattr(error, "message", "") or error))
    return Reason(str(getattr(code, "value", code) or ""), _clean(message))


def _clean(text: str) -> str:
    return QUERY.sub(r"\1", " ".join(text.split()))


def _read_json(response: object) -> object:
    text = getattr(response, "text", "")
    try:
        return json.loads(text if isinstance(text, str) else text())
    except ValueError:
        return None


def _find_response(error: BaseException) -> Response | None:
    responses = (getattr(one, "response", None) for one in _walk_causes(error))
    return next((found for found in responses if isinstance(getattr(found, "status_code", None), int)), None)


def _walk_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
