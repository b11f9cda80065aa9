"""What Azure refuses, said in our words: what was tried, what Azure said, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlops.backends.azure.connection.answers import LONGEST, find_status, read_message
from mlops.backends.azure.connection.session import AzureSession
from mlops.errors import PlatformError

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
