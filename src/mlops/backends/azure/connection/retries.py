"""Calls that are retried while Azure is busy or unreachable."""

import time
from collections.abc import Callable
from typing import TypeVar

from mlops.backends.azure.connection.answers import find_pause, is_transient
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession

TRIES = 4
LONGEST_PAUSE = 30.0  # seconds; also the limit for Azure's Retry-After

Result = TypeVar("Result")


def repeat(
    session: AzureSession, doing: str, call: Callable[[], Result], sleep: Callable[[float], None] = time.sleep
) -> Result:
    """Call a function, retry it up to three times while Azure is busy or unreachable, and return its result.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace. Its setting `retry_seconds` is the first pause, in seconds.
    doing : str
        The action, as it follows "Could not" in the message, such as "publish churn-retraining".
    call : callable
        A function without arguments that is safe to repeat. It is not repeated after errors of storage clients, which
        have their own retries.
    sleep : callable
        A function that pauses for a number of seconds.

    Raises
    ------
    PlatformError
        If Azure refuses the request, if it stays busy, or if it cannot be reached.
    """
    from azureml.exceptions import AzureMLException
    from msrest.exceptions import ClientException
    from requests import RequestException

    with explain_refusals(session, doing):
        for tried in range(1, TRIES):
            try:
                return call()
            # not AzureError, because storage clients have their own retries
            except (ClientException, RequestException, AzureMLException) as error:
                if not is_transient(error):
                    raise
                sleep(_choose_pause(error, session.settings.retry_seconds * 2 ** (tried - 1)))
        return call()


def _choose_pause(error: Exception, otherwise: float) -> float:
    asked = find_pause(error)
    return min(otherwise if asked is None else asked, LONGEST_PAUSE)
