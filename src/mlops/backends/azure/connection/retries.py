"""Calls that are retried while Azure is busy or the connection is lost.

The SDK itself retries reads (three times, with growing pauses), but never a POST, because only the caller knows whether
it is safe to repeat. All calls made through this module are safe to repeat.
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
    """Call a function until it succeeds or clearly will not, and return its result.

    Parameters
    ----------
    session : AzureSession
        The owner of the token. Its setting `retry_seconds` is the first pause, and each further pause is twice as long.
    doing : str
        The action, as it follows "Could not": "publish diabetes-retraining".
    call : callable
        A function that is safe to repeat and sends requests with the SDK, msrest or requests. Storage clients have
        their own retries.
    sleep : callable
        Pauses for some seconds.

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
