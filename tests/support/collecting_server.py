"""A server that collects requests, which tests kill and start again, and a load of requests with different ids."""

import itertools
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
from collected import list_requests, read_uploads
from server_process import KEY
from waiting import wait_until

from mlops.backends.local.services.processes import start_process, wait_ready
from mlops.image.bundle import build_bundle
from mlops.image.sources import ImageSources
from mlops.serving.collection.settings import SETTINGS_FILE, Settings
from mlops.serving.workers.launch import RESTARTS, WORKERS

SCRIPT = "def init(): pass\ndef run(data): return data.sum(axis=1)\n"
SCHEMA = b'{"format": 1, "features": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "answer": {"kind": "number"}}'
CLIENTS = 8
ANSWERS = 100  # before each kill
ATTEMPTS = 3  # of an upload; a busy Azurite can close a connection
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
        (folder / "keys.json").write_text(json.dumps({"primary": KEY}))
        self._settings = Settings(folder=str(self.segments), segment_seconds=0.2)
        self.change_settings(**options)

    def change_settings(self, **options: object) -> None:
        """Change settings of the collection, for the next server or uploader that is started."""
        self._settings = msgspec.structs.replace(self._settings, **options)
        (self._folder / "collection.json").write_bytes(msgspec.json.encode(self._settings))

    def upload(self) -> str:
        """Upload all segments, as a person does after the server has ended, and return the log.

        The workers of a killed server end a moment later. Until then, they hold their segments. If the upload fails,
        the command asks for another attempt.
        """
        wait_until(lambda: not self._find_processes("bundle"))
        settings = self._folder / "collection.json"
        command = [sys.executable, "-m", "mlops.serving.collection", "--settings", str(settings), "--once"]
        for attempt in range(ATTEMPTS):
            ran = subprocess.run(command, check=attempt == ATTEMPTS - 1, stderr=subprocess.PIPE, text=True)
            if ran.returncode == 0:
                break
        return ran.stderr

    def start(self, workers: int = 1, **variables: str) -> int:
        """Start the server with more environment variables, and return its port."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        bundle, keys, collection = (self._folder / name for name in ("bundle", "keys.json", "collection.json"))
        variables = {SETTINGS_FILE: str(collection), RESTARTS: "100", WORKERS: str(workers), **variables}
        self.process, ready = start_process(Path(sys.executable), bundle, keys, 0, folder, variables)
        self.log = folder / "service.log"
        return wait_ready(self.process, ready, 30, "tiny").port

    def kill(self) -> None:
        """Kill the server as the operating system does."""
        self.process.kill()
        self.process.communicate()

    def measure_memory(self) -> dict[int, float]:
        """Return the memory of each process of the server and of its uploader in MB, by the id of the process."""
        supervisor = psutil.Process(self.process.pid)
        processes = (supervisor, *supervisor.children(recursive=True))
        return {process.pid: process.memory_info().rss / 1e6 for process in processes}

    def kill_worker(self) -> None:
        """Kill the oldest worker."""
        supervisor = psutil.Process(self.process.pid)
        workers = (child for child in supervisor.children() if child.cmdline() == supervisor.cmdline())
        min(workers, key=psutil.Process.create_time).kill()

    def find_uploaders(self) -> list[psutil.Process]:
        """Return the running uploaders."""
        return self._find_processes("collection.json")

    def stop(self) -> None:
        """Stop the server, and wait until its uploader has ended."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        wait_until(lambda: not self.find_uploaders())

    def _find_processes(self, argument: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if str(self._folder / argument) in process.cmdline():
                    found.append(process)
        return found


def check_uploads(load: Load, url: str, options: dict[str, str] | None = None) -> None:
    """Check that each answered request was uploaded exactly once, and that no request was uploaded twice."""
    found = Counter(list_requests([*read_uploads(url, options).values()]))
    assert len(load.answered) >= ANSWERS
    assert [name for name in load.answered if not found[name]] == []
    assert {name: count for name, count in found.items() if count > 1} == {}
