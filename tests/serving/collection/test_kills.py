"""Nothing that was acknowledged is lost, and nothing is collected twice, however often the server is killed."""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import pytest
from collected import list_requests, read_uploads

from mlops.backends.local.processes import start_process, wait_ready
from mlops.image.bundle import build_bundle
from mlops.image.sources import ImageSources
from mlops.serving.collection.segments import CLOSED, OPEN, list_segments
from mlops.serving.collection.settings import VARIABLE, Settings
from mlops.serving.workers.launch import RESTARTS

SCRIPT = "def init(): pass\ndef run(data): return data.sum(axis=1)\n"
SCHEMA = b'{"format": 1, "features": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "answer": {"kind": "number"}}'
KEY = "a-key"
CLIENTS = 8
ANSWERS = 100  # before each kill
LENGTH = re.compile(rb"content-length: (\d+)\r\n(?:.+\r\n)*\r\n")


class Load:
    """Clients that send requests with different ids, and note those that were answered."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.refused: Counter[int] = Counter()
        self.port = 0
        self._ended = threading.Event()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Wait until some more requests were answered."""
        before = len(self.answered)
        wait_until(lambda: len(self.answered) >= before + ANSWERS)

    def end(self) -> None:
        """End the load."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, client: int) -> None:
        while not self._ended.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as channel:
                while not self._ended.is_set():
                    self._send(channel, f"{client}-{next(self._numbers)}")
            time.sleep(0.02)

    def _send(self, channel: socket.socket, name: str) -> None:
        body = b'{"data": [[1, 2, 3], [4, 5, 6]]}'
        head = f"POST /score HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        channel.sendall(f"{head}x-ms-request-id: {name}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = b""
        while not (ends := LENGTH.search(answer)) or len(answer) < ends.end() + int(ends[1]):
            received = channel.recv(1 << 16)
            if not received:
                raise ConnectionError
            answer += received
        status = int(answer[9:12])
        if status == 200:
            self.answered.append(name)
        else:
            self.refused[status] += 1
            raise ConnectionError


class Server:
    """A server that collects, and that a test kills and starts again."""

    def __init__(self, folder: Path, **options: object) -> None:
        (folder / "score.py").write_text(SCRIPT)
        (folder / "requirements.txt").write_text("")
        build_bundle(
            folder / "bundle",
            ImageSources(folder, folder / "score.py", folder / "requirements.txt", (), SCHEMA),
            model_name="tiny",
            model_version=3,
            model_files=[],
            example=[],
        )
        self.segments, self._folder, self._count = folder / "segments", folder, 0
        settings = Settings(folder=str(self.segments), segment_seconds=0.2, **options)  # type: ignore[arg-type]
        (folder / "keys.json").write_text(json.dumps({"primary": KEY}))
        (folder / "collection.json").write_bytes(msgspec.json.encode(settings))

    def start(self) -> int:
        """Start the server, and return its port."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        bundle, keys, collection = (self._folder / name for name in ("bundle", "keys.json", "collection.json"))
        self.process, ready = start_process(
            Path(sys.executable), bundle, keys, 0, folder, {VARIABLE: str(collection), RESTARTS: "100"}
        )
        self.log = folder / "service.log"
        return wait_ready(self.process, ready, 30, "tiny").port

    def kill(self) -> None:
        """Kill the server as the operating system does."""
        self.process.kill()
        self.process.communicate()

    def kill_worker(self) -> None:
        """Kill the worker that answers requests."""
        supervisor = psutil.Process(self.process.pid)
        (worker,) = (child for child in supervisor.children() if child.cmdline() == supervisor.cmdline())
        worker.kill()

    def find_uploaders(self) -> list[psutil.Process]:
        """Return the running uploaders."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if str(self._folder / "collection.json") in process.cmdline():
                    found.append(process)
        return found

    def stop(self) -> None:
        """Stop the server, and wait until its uploader has ended."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        wait_until(lambda: not self.find_uploaders())


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def check_uploads(load: Load, url: str) -> None:
    """Check that each answered request was uploaded exactly once, and that no request was uploaded twice."""
    found = Counter(list_requests([*read_uploads(url).values()]))
    assert len(load.answered) >= ANSWERS
    assert [name for name in load.answered if not found[name]] == []
    assert {name: count for name, count in found.items() if count > 1} == {}


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_server_that_is_killed_under_load_loses_nothing(tmp_path: Path, kills: int) -> None:
    server, load = Server(tmp_path, url=str(tmp_path / "up")), Load()
    try:
        for _ in range(kills):
            load.port = server.start()
            load.wait()
            server.kill()
        load.port = server.start()
        load.wait()
    finally:
        load.end()
        server.stop()
    check_uploads(load, str(tmp_path / "up"))
    assert load.refused == {}
    assert list_segments(server.segments, OPEN, CLOSED) == []


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_worker_that_is_killed_under_load_is_restarted_and_loses_nothing(tmp_path: Path, kills: int) -> None:
    server, load = Server(tmp_path, url=str(tmp_path / "up")), Load()
    load.port = server.start()
    try:
        for _ in range(kills):
            load.wait()
            server.kill_worker()
        load.wait()
    finally:
        load.end()
        server.stop()
    check_uploads(load, str(tmp_path / "up"))
    assert load.refused == {}


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_an_uploader_that_is_killed_under_load_is_started_again_and_uploads_each_segment_once(
    tmp_path: Path, kills: int
) -> None:
    server, load = Server(tmp_path, url=str(tmp_path / "up")), Load()
    load.port = server.start()
    try:
        for _ in range(kills):
            wait_until(lambda: bool(server.find_uploaders()))
            load.wait()
            for process in server.find_uploaders():
                os.kill(process.pid, signal.SIGKILL)
            wait_until(lambda: not server.find_uploaders())
    finally:
        load.end()
        server.stop()
    done = [sys.executable, "-m", "mlops.serving.collection", "--settings", str(tmp_path / "collection.json"), "--once"]
    subprocess.run(done, check=True)
    check_uploads(load, str(tmp_path / "up"))


@pytest.mark.slow
def test_a_store_that_is_unavailable_during_the_load_costs_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "up"
    blocked.write_text("a file where the folder must be")
    server, load = Server(tmp_path, url=str(blocked)), Load()
    load.port = server.start()
    time.sleep(4)
    load.end()
    assert "The upload failed and will be retried" in server.log.read_text()
    assert len(list_segments(server.segments, OPEN, CLOSED)) > 5
    blocked.unlink()
    server.stop()
    check_uploads(load, str(tmp_path / "up"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
@pytest.mark.parametrize("policy", ["refuse", pytest.param("drop", marks=pytest.mark.slow)])
def test_a_full_disk_refuses_requests_or_drops_rows_but_loses_nothing_that_it_promised(
    tmp_path: Path, policy: str
) -> None:
    disk = tmp_path / "segments"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        server, load = Server(tmp_path, policy=policy), Load()
        load.port = server.start()
        wait_until(lambda: load.refused[503] > 20 or (policy == "drop" and "was deleted" in server.log.read_text()))
        load.end()
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        server.stop()
        uploaded = tmp_path / "collection.json"
        settings = msgspec.json.decode(uploaded.read_bytes(), type=Settings)
        uploaded.write_bytes(msgspec.json.encode(msgspec.structs.replace(settings, url=str(tmp_path / "up"))))
        words = [sys.executable, "-m", "mlops.serving.collection", "--settings", str(uploaded), "--once"]
        subprocess.run(words, check=True)
    finally:
        subprocess.run(["umount", disk], check=True)
    found = list_requests([*read_uploads(str(tmp_path / "up")).values()])
    assert len(found) == len({*found})
    if policy == "refuse":
        assert {*found} >= {*load.answered}
    else:
        assert load.refused == {}
        assert "rows was deleted" in server.log.read_text()
