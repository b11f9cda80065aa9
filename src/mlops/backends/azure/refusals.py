"""What Azure refuses, said in our words: what was tried, what Azure said, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlops.backends.azure.session import AzureSession
from mlops.errors import PlatformError

LONGEST = 500  # characters of what Azure said
ADVICE = {
    401: "run `az login`, or renew the identity's secret, and try again",
    403: "let somebody with the role Owner give this identity the roles AzureML Data Scientist on the workspace and "
    "Storage Blob Data Contributor on its storage account; `az account show` says who and where you are",
    404: "check the section azure of parameters/azure.yml, or run `mlops provision`",
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
        said = _read_message(error)
        advice = ADVICE.get(status, OTHERWISE) if status or isinstance(error, AzureMLException) else UNREACHED
        raise PlatformError(f"Azure did not {doing}: {said[:LONGEST]} ({advice})") from error


def find_status(error: BaseException | None) -> int:
    """Return the HTTP status of the answer that an error, or one that it came from, is about; 0 if there is none.

    The model registry's errors have it in their text only.
    """
    seen = 0
    while error is not None and seen < 10:
        for holder in (getattr(error, "response", None), error):
            status = getattr(holder, "status_code", None)
            if isinstance(status, int):
                return status
        for line in str(error).splitlines():
            if line.startswith("Response Code:") and line.split()[-1].isdigit():
                return int(line.split()[-1])
        error, seen = error.__cause__ or error.__context__, seen + 1
    return 0


def _read_message(error: BaseException) -> str:
    message = str(getattr(error, "message", "") or error)
    return " ".join(message.split())
