"""Calls that are retried while Azure is busy."""

import pytest
from doubles.azure.errors import make_http_error

from mlops.backends.azure.connection.retries import TRIES, repeat
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import AzureSettings
from mlops.errors import PlatformError
from mlops.workspace import Workspace


@pytest.fixture
def session(workspace: Workspace) -> AzureSession:
    """A session whose first pause is three seconds."""
    return AzureSession(AzureSettings(retry_seconds=3), workspace)


@pytest.mark.parametrize(("asked", "slept"), [("7", 7.0), ("999", 30.0)])
def test_it_waits_as_long_as_azure_asks_for_within_bounds(session: AzureSession, asked: str, slept: float) -> None:
    pauses: list[float] = []

    def call() -> str:
        if not pauses:
            raise make_http_error(429, Retry_After=asked)
        return "done"

    assert repeat(session, "do it", call, pauses.append) == "done"
    assert pauses == [slept]


def test_what_stays_busy_is_given_up_and_what_is_refused_is_not_repeated(session: AzureSession) -> None:
    pauses: list[float] = []
    calls: list[int] = []

    def refuse(status: int) -> None:
        calls.append(status)
        raise make_http_error(status)

    with pytest.raises(PlatformError, match="Could not do it. .*Azure stayed busy"):
        repeat(session, "do it", lambda: refuse(503), pauses.append)
    assert (pauses, calls) == ([3, 6, 12], [503] * TRIES)
    with pytest.raises(PlatformError, match="Could not do it. .*This identity needs the roles"):
        repeat(session, "do it", lambda: refuse(403), pauses.append)
    assert len(pauses) == 3
