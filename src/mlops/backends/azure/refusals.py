"""What Azure refuses, said in our words: what was tried, what Azure said, and what to do about it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlops.backends.azure.session import AzureSession
from mlops.errors import PlatformError

LONGEST = 500  # characters of what Azure said
ADVICE = {
    401: "run `az login`, or renew the identity's secret, and try again",
    403: "let somebody with the role Owner give this identity the roles AzureML Data Scientist on the workspace and "
    "Storage Blob Data Contributor on its storage account; `az account show` says who and where you are",
    404: "check the section azure of parameters/azure.yml, or run `mlops provision --platform azure`",
    429: "Azure has too much to do; try again later",
    503: "Azure has too much to do; try again later",
}
UNREACHED = "check the network, and try again"
OTHERWISE = "correct what it names, and try again"


@contextmanager
def explain_refusals(session: AzureSession, doing: str) -> Iterator[None]:
    """Turn what the SDKs raise, after their own retries, into a `PlatformError`.

    A token that Azure does not take is forgotten: the next try gets a fresh one.

    Parameters
    ----------
    session : AzureSession
        Whose identity it was.
    doing : str
        What was tried, for the message: "register the model diabetes".

    Raises
    ------
    PlatformError
        Naming what was tried, what Azure said and what to do.
    """
    from azure.core.exceptions import AzureError
    from azureml.exceptions import AzureMLException
    from msrest.exceptions import ClientException
    from requests.exceptions import RequestException

    try:
        yield
    except (AzureMLException, ClientException, AzureError, RequestException) as error:
        status = find_status(error)
        if status == 401:
            session.forget_credential()
        said = read_message(error)
        advice = ADVICE.get(status, OTHERWISE) if status or isinstance(error, AzureMLException) else UNREACHED
        raise PlatformError(f"Azure did not {doing}: {said[:LONGEST]} ({advice})") from error


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
    return " ".join(str(message or getattr(error, "message", "") or error).split())


def _fold(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer with small letters in its names: the pipeline service writes them with capitals."""
    return {name.lower(): value for name, value in answer.items()}
