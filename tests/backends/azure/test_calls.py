"""Calls that are tried again, and what is read from Azure's answers."""

import pytest
import requests

from mlops.backends.azure.connection.answers import read_message
from mlops.backends.azure.connection.retries import TRIES, repeat
from mlops.errors import PlatformError


def make_http_error(status: int, text: str = "", **headers: str) -> requests.HTTPError:
    """Make the error that `requests` raises for an answer."""
    response = requests.Response()
    response.status_code, response._content = status, text.encode()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return requests.HTTPError(text or "no", response=response)


@pytest.mark.parametrize(("asked", "slept"), [("7", 7.0), ("999", 30.0)])
def test_it_waits_as_long_as_azure_asks_for_within_bounds(asked: str, slept: float) -> None:
    pauses: list[float] = []

    def call() -> str:
        if not pauses:
            raise make_http_error(429, Retry_After=asked)
        return "done"

    assert repeat("do it", call, pauses.append) == "done"
    assert pauses == [slept]


def test_what_stays_busy_is_given_up_and_what_is_refused_is_not_repeated() -> None:
    pauses: list[float] = []

    def refuse(status: int) -> None:
        raise make_http_error(status)

    with pytest.raises(PlatformError, match=f"too busy to do it, tried {TRIES} times"):
        repeat("do it", lambda: refuse(503), pauses.append)
    assert pauses == [1.0, 2.0, 4.0]
    with pytest.raises(PlatformError, match="does not let us do it"):
        repeat("do it", lambda: refuse(403), pauses.append)
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"error": {"code": "C", "message": "in small letters"}}', "in small letters"),
        ('{"Error": {"Code": "C", "Message": "with capitals"}}', "with capitals"),
        ('{"error": {"code": "OnlyACode"}}', "OnlyACode"),
        (
            "403 for url: https://a.blob.core.windows.net/c/log.txt?sv=1&sig=signed (no)",
            "403 for url: https://a.blob.core.windows.net/c/log.txt (no)",
        ),
    ],
)
def test_what_azure_says_is_read_without_signatures(text: str, said: str) -> None:
    assert read_message(make_http_error(403, text)) == said
