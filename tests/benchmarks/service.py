"""The throughput of the service over sockets, with one worker: rows of ten numbers, and records with texts.

The scoring scripts do next to nothing, so the service itself is measured, not a model.
"""

import functools
import json
import re
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from churn import problem as churn
from progression import problem as progression

from benchmarks.goals import compare
from benchmarks.measure import Row, Sample, interleave, make_row
from benchmarks.processes import PYTHON
from benchmarks.scratch import Section, make_scratch
from mlops.backends.local.processes import start_process, wait_ready
from mlops.image.bundle import build_bundle
from mlops.image.schema import encode_schema, write_rows
from mlops.image.sources import ImageSources
from mlops.problem import Problem

REQUESTS = {1: 4000, 100: 400}  # requests of a measurement, by their number of rows
CLIENTS = 4
READY_SECONDS = 60.0
KEY = "benchmark"
RECEIVED = 1 << 16  # bytes
END, LENGTH = b"\r\n\r\n", re.compile(rb"content-length: (\d+)\r\n(?:.+\r\n)*\r\n")
SCRIPT = "import numpy as np\ndef init(): pass\ndef run(data): return {}\n"
NUMBERS, RECORDS = "ten numbers", "records with texts"
SERVED: dict[str, tuple[Problem, str]] = {  # each problem, and what its scoring script returns
    NUMBERS: (progression, "data.sum(axis=1)"),
    RECORDS: (churn, 'np.where(data["plan"] == "basic", 0.5, 0.1)'),
}


class AnswerError(Exception):
    """The service refused a request of the benchmark; the message has its answer."""


def measure_service(rounds: int) -> Section:
    """Measure requests of one row and of many. The first round is left out."""
    with make_scratch() as scratch, ExitStack() as stack:
        found: dict[str, Callable[[], Sample]] = {}
        for number, (kind, (problem, result)) in enumerate(SERVED.items()):
            server, port = stack.enter_context(serve(problem, result, Path(scratch, str(number))))
            for rows in REQUESTS:
                request = make_request(problem, rows)
                found[name_row(kind, rows)] = functools.partial(send, request, REQUESTS[rows], port, server)
        interleave(found, 1)
        samples = interleave(found, rounds)
    made: dict[str, Row] = {}
    for rows, times in REQUESTS.items():
        for label in (name_row(kind, rows) for kind in SERVED):
            speed = times / statistics.median(sample.wall for sample in samples[label])
            made[label] = make_row(label, samples[label], f"{speed:,.0f} requests/s")
    figures = [
        figure
        for rows in REQUESTS
        for figure in compare(f"records_{rows}", "no", made[name_row(RECORDS, rows)], made[name_row(NUMBERS, rows)])
    ]
    notes = (
        f"{CLIENTS} connections at once; CPU: of the service, which is one process",
        "a record has two texts, two numbers, a boolean and two dates, and every second one has gaps",
    )
    return Section("Service", tuple(made.values()), tuple(figures), notes)


def name_row(kind: str, rows: int) -> str:
    """Return the label of a measurement."""
    return f"{kind}, {rows} in each request"


def make_request(problem: Problem, rows: int) -> bytes:
    """Return a request with the examples of a problem, which are repeated."""
    examples = write_rows(problem, problem.example_rows)
    body = json.dumps({"data": [examples[number % len(examples)] for number in range(rows)]}).encode()
    head = f"POST /score HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}"
    return f"{head}\r\nContent-Type: application/json\r\n\r\n".encode() + body


@contextmanager
def serve(problem: Problem, result: str, folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    """Serve a scoring script that returns an expression, and provide the server's process and port."""
    folder.mkdir()
    script, keys, lock = folder / "score.py", folder / "keys.json", folder / "requirements.txt"
    script.write_text(SCRIPT.format(result))
    keys.write_text(json.dumps({"primary": KEY}))
    lock.write_text("")
    build_bundle(
        folder / "bundle",
        ImageSources(folder, script, lock, (), encode_schema(problem)),
        model_name=problem.name,
        model_version=1,
        model_files=[],
        example=[],
    )
    process, ready = start_process(Path(PYTHON), folder / "bundle", keys, 0, folder)
    try:
        found = wait_ready(process, ready, READY_SECONDS, problem.name)
        yield psutil.Process(found.pid), found.port
    finally:
        process.kill()
        process.wait()


def send(request: bytes, times: int, port: int, server: psutil.Process) -> Sample:
    """Send a request many times, over several connections at once."""
    with ExitStack() as stack, ThreadPoolExecutor(CLIENTS) as pool:
        address = ("127.0.0.1", port)
        channels = [stack.enter_context(socket.create_connection(address)) for _ in range(CLIENTS)]
        spent, began = sum(server.cpu_times()[:2]), time.perf_counter()
        for sent in [pool.submit(_send_all, channel, request, times // CLIENTS) for channel in channels]:
            sent.result()
        return Sample(time.perf_counter() - began, sum(server.cpu_times()[:2]) - spent)


def _send_all(channel: socket.socket, request: bytes, times: int) -> None:
    for _ in range(times):
        channel.sendall(request)
        answer = b""
        while not (ends := LENGTH.search(answer)) or len(answer) < answer.index(END) + len(END) + int(ends[1]):
            answer += channel.recv(RECEIVED)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise AnswerError(answer.decode(errors="replace"))
