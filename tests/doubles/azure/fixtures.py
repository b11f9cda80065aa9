"""The fixtures that connect a test to the double of Azure."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.azure.azure import Azure
from doubles.azure.azurite import Azurite, require_azurite
from doubles.azure.names import ENVIRON
from doubles.azure.retries import shorten_pauses
from doubles.azure.server import AzureServer, clear_environ


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureServer]:
    """The proxy, which all tests share."""
    server = AzureServer(tmp_path_factory.mktemp("azure"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Blob Storage, which all tests share and which is started on first use."""
    emulator = Azurite()
    yield emulator
    emulator.close()


@pytest.fixture
def azure(
    request: pytest.FixtureRequest,
    azure_server: AzureServer,
    azurite: Azurite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Azure]:
    """A new double of Azure that the SDKs of this process reach; requests without a route fail the test.

    Slow tests fail at once if Azurite is not installed, because most of them need it.
    """
    if request.node.get_closest_marker("slow"):
        require_azurite()
    double = Azure(azurite)
    azure_server.answer = double.answer
    home = tmp_path / "user"
    (home / ".azureml").mkdir(parents=True)
    with monkeypatch.context() as patched:
        clear_environ(patched)
        for name, value in {**azure_server.environ, **ENVIRON, "HOME": str(home)}.items():
            patched.setenv(name, value)
        shorten_pauses(patched)
        yield double
        double.close()
    assert double.crashes == []
    assert double.unrouted == []
