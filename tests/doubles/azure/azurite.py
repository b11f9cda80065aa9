"""Azurite, Microsoft's own emulator of Blob Storage, as a process of the tests."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doubles.azure.names import ACCOUNT

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

PROGRAM = Path(__file__).parents[3] / ".ci" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
KEY = "c2VjcmV0LWtleS1mb3ItdGVzdHM="
START_SECONDS = 30
MISSING = "Azurite is not installed. Run `make azurite`, which needs Node.js 20 with npm."


class AzuriteError(Exception):
    """Raised if the emulator cannot be started."""


def require_azurite() -> None:
    """Fail the test unless the emulator is installed."""
    if not PROGRAM.exists():
        pytest.fail(MISSING, pytrace=False)


class Azurite:
    """The emulator, started when its address is first asked for."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The address of the account."""
        if self._process is None:
            self._start()
        return f"http://127.0.0.1:{self._port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """The options with which adlfs and the storage SDK open the account."""
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.url};"

    @property
    def client(self) -> BlobServiceClient:
        """The storage SDK's client of the account."""
        return BlobServiceClient.from_connection_string(self.connection_string)

    def make_container(self, name: str) -> None:
        """Create a container unless it exists."""
        try:
            self.client.create_container(name)
        except ResourceExistsError:
            return

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """Let the emulator accept connections, but answer nothing until the block ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _start(self) -> None:
        if not PROGRAM.exists():
            raise AzuriteError(MISSING)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        options = ["--silent", "--blobHost", "127.0.0.1", "--blobPort", str(self._port)]
        memory = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
        environ = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
        self._process = subprocess.Popen([PROGRAM, *options, *memory], env=environ, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AzuriteError(f"Azurite did not start (exit code {self._process.poll()}).")

    def close(self) -> None:
        """End the emulator."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)
