"""Calls of the pipeline service: tried again where that can help, and refused in one line.

The SDK itself repeats what it reads (three times, with growing pauses) and never what it posts: whether that may be
repeated, only the caller knows. All that is called through here is safe to repeat.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from mlops.backends.azure.connection.answers import LONGEST, find_status, read_message
from mlops.errors import MlopsError, PlatformError

TRIES = 4
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds; what Azure asks for in Retry-After counts up to the longest
BUSY = (408, 429, 500, 502, 503, 504)

Result = TypeVar("Result")


def repeat(doing: str, call: Callable[[], Result], sleep: Callable[[float], None] = time.sleep) -> Result:
    """Call until it works, or until it is clear that it will not.

    Parameters
    ----------
    doing : str
        What is done, for the message: "publish diabetes-retraining".
    call : callable
        Safe to repeat; makes its requests by the SDK, msrest or requests.
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

    for tried in range(1, TRIES + 1):
        try:
            return call()
        except MlopsError:
            raise
        except (ClientException, RequestException, AzureMLException) as error:
            if tried == TRIES or not _is_transient(error):
                raise explain(doing, error, tried) from error
            sleep(_choose_pause(error, tried))
    raise AssertionError("unreachable")


def is_missing(error: Exception) -> bool:
    """Say whether an error is the answer that there is no such thing."""
    return find_status(error) == 404


def explain(doing: str, error: Exception, tried: int = 1) -> PlatformError:
    """Return the error for a person: what was done, what Azure said, what to do."""
    status = find_status(error)
    said = read_message(error)[:LONGEST] + (f", status {status}" if status else "")
    if status in (401, 403):
        return PlatformError(f"Azure does not let us {doing} ({said}): run `az login`, or ask for the right to")
    if status == 0 and _is_transient(error):
        return PlatformError(f"Azure could not be reached to {doing}, tried {tried} times ({said}): try again")
    if status in BUSY:
        return PlatformError(f"Azure was too busy to {doing}, tried {tried} times ({said}): try again later")
    return PlatformError(f"Azure did not {doing}: {said}")


def _is_transient(error: Exception) -> bool:
    from msrest.exceptions import ClientRequestError
    from requests import ConnectionError as NotConnected
    from requests import Timeout

    return find_status(error) in BUSY or isinstance(error, ClientRequestError | NotConnected | Timeout)


def _choose_pause(error: Exception, tried: int) -> float:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    asked = str(headers.get("Retry-After", ""))
    pause = float(asked) if asked.isdigit() else FIRST_PAUSE * 2 ** (tried - 1)
    return min(pause, LONGEST_PAUSE)
