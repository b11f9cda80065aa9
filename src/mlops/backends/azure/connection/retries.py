"""Calls that are retried while Azure is busy or the connection is lost.

The SDK retries reads three times, with growing pauses. It never retries a POST request, because only the caller knows
whether the request is safe to repeat. All calls that are passed to `repeat` are safe to repeat.
"""

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
        The session. Its setting `retry_seconds` is the first pause, and each further pause is twice as long. The
        session forgets a token that Azure rejects.
    doing : str
        The action for the message, which begins with "Could not": "publish churn-retraining".
    call : callable
        A function that is safe to repeat. An error of a storage client is not retried here, because storage clients
        have their own retries.
    sleep : callable
        A function that pauses for a number of seconds.

    Raises
    ------
    PlatformError
        If Azure refuses the request, stays busy, or cannot be reached.
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
