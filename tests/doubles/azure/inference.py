"""Azure's real inference server: the program of the package azureml-inference-server-http, with an app's files."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests

PROGRAM = Path(sys.executable).with_name("azmlinfsrv")
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")  # a container sees nothing else of this machine


class InferenceServer:
    """The server of a container.

    Parameters
    ----------
    root : Path
        The app's files, as in ``/var/azureml-app``.
    environ : mapping
        The container's variables; ``AZUREML_ENTRY_SCRIPT`` among them.
    """

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._reserved = reserve_port()
        self.port: int = self._reserved.getsockname()[1]
        self.started = time.monotonic()
        self._log = root.with_suffix(".log")
        entry = root / environ["AZUREML_ENTRY_SCRIPT"]
        words = [str(PROGRAM), "--entry_script", str(entry), "--port", str(self.port)]
        own = {name: os.environ[name] for name in KEPT if name in os.environ}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                words,
                cwd=root,
                env={**own, "PYTHONUNBUFFERED": "1", **environ, "AML_APP_ROOT": str(root)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """The output of the server."""
        return self._log.read_text(errors="replace")

    @property
    def ended(self) -> bool:
        """True if the server ended by itself."""
        return self._process.poll() is not None

    def wait(self, seconds: float) -> bool:
        """Wait until the server is ready, and return False if it ended or is not ready in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.ended:
            try:
                return requests.get(self.url, timeout=2).ok
            except requests.RequestException:
                time.sleep(0.05)
        return False

    def end(self) -> None:
        """Let the server end as Azure does when it replaces a container."""
        self._process.terminate()
        self._process.wait(30)

    def stop(self) -> None:
        """End the server and its workers."""
        self._reserved.close()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self._process.wait(10)


def reserve_port() -> socket.socket:
    """Return a socket that keeps its port for a server that sets ``SO_REUSEADDR``, as gunicorn does.

    Without it, another test could get the port while the server still imports its packages.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved
