"""Calls that are retried while Azure is busy or the connection is lost.

The SDK itself retries what it reads (three times, with growing pauses) and never what it posts: only the caller knows
whether that may be repeated. Everything that is called through here is safe to repeat.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from mlops.backends.azure.connection.answers import find_pause, is_transient
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession

TRIES = 4
LONGEST_PAUSE = 30.0  # seconds; what Azure asks for in Retry-After counts up to it

Result = TypeVar("Result")


def repeat(
    session: AzureSession, doing: str, call: Callable[[], Result], sleep: Callable[[float], None] = time.sleep
) -> Result:
    """Call until it works, or until it is clear that it will not.

    Parameters
    ----------
    session : AzureSession
        Whose token is used; its setting `retry_seconds` is the first pause, and each further one is twice as long.
    doing : str
        What is being done, as it follows "could not": "publish diabetes-retraining".
    call : callable
        Safe to repeat; makes its requests with the SDK, msrest or requests. Storage clients retry by themselves.
    sleep : callable
        Waits some seconds.

    Raises
    ------
    PlatformError
        If Azure refuses, stays busy, or cannot be reached.
    """
    from azureml.exceptions import AzureMLException
    from msrest.exceptions import ClientException
    from requests import RequestException

    with explain_refusals(session, doing):
        for tried in range(1, TRIES):
            try:
                return call()
            except (ClientException, RequestException, AzureMLException) as error:
                if not is_transient(error):
                    raise
                sleep(_choose_pause(error, session.settings.retry_seconds * 2 ** (tried - 1)))
        return call()


def _choose_pause(error: Exception, otherwise: float) -> float:
    asked = find_pause(error)
    return min(otherwise if asked is None else asked, LONGEST_PAUSE)
