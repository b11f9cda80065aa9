"""A server of a small image in its own process, and what clients send to it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from tiny_model import SCRIPT, make_bundle

from mlops.backends.local.services.processes import wait_ready
from mlops.platform.models import ModelVersion
from mlops.serving.metrics.bins import ColumnBins

KEY = "the-key"
LIMITED = 'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"'  # no hard limit can be below the soft one
BODY = b'{"data": [[1.0]]}'
ANSWER = b'{"result":[1.0]}'
BLOCKING = """
import pathlib, time
def init(): pass
def run(data):
    if data[0, 0] == 5:
        pathlib.Path({blocked!r}).touch()
        while not pathlib.Path({open!r}).exists():
            time.sleep(0.01)
    return data[:, 0]
"""
END = b"\r\n\r\n"


@dataclass(frozen=True)
class ServerProcess:
    """A running server."""

    popen: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def connect(self, client: str = "127.0.0.1", seconds: float = 20) -> socket.socket:
        """Connect to the server from an address of this machine."""
        return socket.create_connection(("127.0.0.1", self.port), seconds, (client, 0))

    def list_workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        return psutil.Process(self.popen.pid).children()

    def measure_memory(self) -> float:
        """Return the memory of the workers in MB."""
        return sum(float(worker.memory_info().rss) for worker in self.list_workers()) / 1e6

    def listens(self) -> bool:
        """Return whether the server accepts connections."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def is_ready(self) -> bool:
        """Return whether the server answers."""
        with self.connect() as client:
            return exchange(client, make_request(b"GET", b"/readyz", b""))[0] == 200


class Gate:
    """A scoring script that blocks the server while it scores a row of 5."""

    def __init__(self, folder: Path) -> None:
        self._blocked, self._open = folder / "blocked", folder / "open"
        self.script = BLOCKING.format(blocked=str(self._blocked), open=str(self._open))

    def block(self, client: socket.socket) -> None:
        """Send a row of 5, and wait until the server is blocked."""
        client.sendall(make_request(body=b'{"data": [[5]]}'))
        while not self._blocked.exists():
            time.sleep(0.01)

    def open(self) -> None:
        """Let the server continue."""
        self._open.touch()


@contextmanager
def start_server(
    folder: Path,
    *options: str,
    script: str = SCRIPT,
    files: tuple[int, int] | None = None,
    more_files: Sequence[Path] = (),
    profile: Sequence[ColumnBins] = (),
) -> Iterator[ServerProcess]:
    """Start a server, whose model answers 1.0, and end it.

    Parameters
    ----------
    folder : Path
        An empty folder.
    options : str
        More options of ``python -m serving``.
    script : str
        The scoring script.
    files : tuple of int, optional
        The soft and the hard limit of open files.
    more_files : sequence of Path
        More files of the model.
    profile : sequence of ColumnBins
        The distributions of the training data.
    """
    model = ModelVersion("tiny", 1, "", {}, {})
    bundle = make_bundle(folder, model, 1.0, script, more_files=more_files, profile=profile)
    keys, ready, log = folder / "keys.json", folder / "ready.json", folder / "service.log"
    keys.write_text(json.dumps({"primary": KEY}))
    limited = ["bash", "-c", LIMITED.format(soft=files[0], hard=files[1]), "bash"] if files else []
    named = ["--bundle", str(bundle), "--keys", str(keys), "--ready", str(ready), "--port", "0"]
    command = [*limited, sys.executable, "-B", "-m", "serving", *named, *options]
    with open(log, "ab") as output:
        popen = subprocess.Popen(command, cwd=bundle, stdin=subprocess.PIPE, stdout=output, stderr=output)
    try:
        yield ServerProcess(popen, wait_ready(popen, ready, 60, "tiny").port, log)
    finally:
        popen.kill()
        popen.communicate()


def make_request(method: bytes = b"POST", path: bytes = b"/score", body: bytes = BODY, *headers: bytes) -> bytes:
    """Return the bytes of a request."""
    own = [b"Host: here", b"Authorization: Bearer " + KEY.encode(), b"Content-Type: application/json"]
    length = [b"Content-Length: %d" % len(body)] if not any(b"chunked" in header for header in headers) else []
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, path), *own, *length, *headers, b"", body])


def exchange(client: socket.socket, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send a request and read its answer."""
    client.sendall(request)
    return read_answer(client)


def read_answer(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body of the next answer.

    Raises
    ------
    EOFError
        If the connection ends before the answer is complete.
    """
    head = _read_until(client, END)
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    body = b""
    while len(body) < int(headers["content-length"]):
        body += _require(client.recv(int(headers["content-length"]) - len(body)))
    return int(status.split()[1]), headers, body


def read_rest(client: socket.socket) -> bytes:
    """Return everything that the server still sends, until it ends the connection."""
    found = b""
    while more := client.recv(1 << 16):
        found += more
    return found


def _read_until(client: socket.socket, end: bytes) -> bytes:
    found = b""
    while end not in found:
        seen = _require(client.recv(1 << 16, socket.MSG_PEEK))
        place = (found + seen).find(end)
        found += client.recv(len(seen) if place < 0 else place + len(end) - len(found))
    return found


def _require(received: bytes) -> bytes:
    if not received:
        raise EOFError("the server ended the connection")
    return received
