"""The scoring service beside Azure's inference server, with the same scoring script, and beside a constant answer.

The service has everything on: keys, schema, metrics, and the collection of requests on the disk. Azure's server has
nothing of that.
"""

import functools
import json
import os
import random
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import psutil
from progression import problem

from benchmarks.default_install import InstallError, find_install
from benchmarks.goals import Figure
from benchmarks.load import measure_load, send_steadily
from benchmarks.measure import Row, Sample, interleave, make_row
from benchmarks.processes import PROJECT, PYTHON
from benchmarks.scratch import Section, make_scratch
from benchmarks.serving import READY_SECONDS, serve_bundle
from mlops.image.bundle import build_bundle
from mlops.image.schema import encode_schema
from mlops.image.sources import ImageSources
from mlops.serving.collection.settings import SETTINGS_FILE, Settings
from mlops.serving.workers.launch import WORKERS

REQUESTS = {1: 6000, 100: 2000, 1000: 400}  # requests of a measurement, by their number of rows
AZURE_SHARE = 0.15  # of these requests that Azure's server gets, because it takes longer
RATE, SECONDS = 1000.0, 4.0
KEY = "benchmark"
COLLECTION = "collection.json"
AZURE_PACKAGES = ("azureml-inference-server-http", "numpy", "pandas", "scikit-learn")
OURS, TWO, ALONE = "service", "service with two workers", "service without collection"
AZURE, CONSTANT = "azureml-inference-server-http", "constant answer"
SCRIPT = """
import json
import numpy

def init():
    global coefficients
    coefficients = numpy.arange(1.0, 11.0)

def run(data):
    if not isinstance(data, str):
        return data @ coefficients + 150.0
    rows = numpy.array(json.loads(data)["data"])
    return {"result": (rows @ coefficients + 150.0).tolist()}
"""
# The least that a server in Python must do: it parses the head and sends the same bytes.
CONSTANT_SERVER = """
import asyncio, sys
import httptools, uvloop

class Constant(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.parser = transport, httptools.HttpRequestParser(self)
    def data_received(self, data):
        self.parser.feed_data(data)
    def on_message_complete(self):
        self.transport.write(b'HTTP/1.1 200 OK\\r\\ncontent-length: 18\\r\\n\\r\\n{"result":[150.0]}')

async def main():
    server = await asyncio.get_running_loop().create_server(Constant, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

uvloop.run(main())
"""


def measure_scoring(rounds: int) -> Section:
    """Measure requests of one row and of many. The first round is left out."""
    notes = ["32 connections at once; CPU: of all processes of the server, which are one worker and its supervisor"]
    with make_scratch() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        image = folder / "image"
        build(image)
        collects = {SETTINGS_FILE: str(image / COLLECTION)}
        variants = {OURS: collects, TWO: {**collects, WORKERS: "2"}, ALONE: {}}
        served = {name: stack.enter_context(serve(image, folder / name, variants[name])) for name in variants}
        served[CONSTANT] = stack.enter_context(start([PYTHON, "-c", CONSTANT_SERVER, "{port}"], folder))
        try:
            programs = find_install(PROJECT / ".venv-azureml", AZURE_PACKAGES)
            served[AZURE] = stack.enter_context(serve_azure(programs, folder))
        except InstallError as error:
            notes.append(f"{AZURE}: not measured, {error}")
        found: dict[str, Callable[[], Sample]] = {}
        for rows, times in REQUESTS.items():
            for name, (server, port) in served.items():
                sent = int(times * (AZURE_SHARE if name == AZURE else 1))
                found[name_row(name, rows)] = functools.partial(measure_one, make_request(rows), sent, port, server)
        interleave(found, 1)
        samples = interleave(found, rounds)
        server, port = served[OURS]
        steady = [_find_p99(port) for _ in range(rounds)]
        memory = max(worker.memory_full_info().pss for worker in server.children()) / 1e6
        ready = [measure_ready(image, folder / f"start {number}") for number in range(rounds)]
    made = {label: make_speed_row(label, samples[label]) for label in found}
    figures = [figure for rows in REQUESTS for figure in _compare(made, rows)]
    figures.append(Figure("scoring_p99", "no", "wall", statistics.median(steady)))
    figures.append(Figure("scoring_ready", "no", "wall", statistics.median(ready)))
    figures.append(Figure("scoring_memory", "no", "PSS", memory))
    return Section("Scoring", tuple(made.values()), tuple(figures), tuple(notes))


def name_row(name: str, rows: int) -> str:
    """Return the label of a measurement."""
    return f"{name}, {rows} row{'s' * (rows > 1)}"


def make_request(rows: int) -> bytes:
    """Return a request with rows of the problem. They all differ, because CPUs learn to predict equal rows."""
    chooser = random.Random(rows)
    data = [[chooser.uniform(-0.2, 0.2) for _ in problem.features] for _ in range(rows)]
    return write_request(json.dumps({"data": data}).encode(), KEY)


def write_request(body: bytes, key: str) -> bytes:
    """Return a request to ``/score``."""
    head = f"POST /score HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}"
    return f"{head}\r\nContent-Type: application/json\r\n\r\n".encode() + body


def measure_one(request: bytes, times: int, port: int, server: psutil.Process) -> Sample:
    """Send a request many times, and return the time of one request, in seconds."""
    return measure_load(request, times, port, server) * (1 / times)


def build(folder: Path) -> None:
    """Build an image with the script, and write its keys and the settings of its collection."""
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT)
    (folder / "requirements.txt").write_text("")
    (folder / "keys.json").write_text(json.dumps({"primary": KEY, "secondary": f"{KEY}-2"}))
    (folder / COLLECTION).write_bytes(msgspec.json.encode(Settings(folder=str(folder / "collected"))))
    sources = ImageSources(folder, folder / "score.py", folder / "requirements.txt", (), encode_schema(problem))
    build_bundle(folder / "bundle", sources, model_name=problem.name, model_version=1, model_files=[], example=[])


@contextmanager
def serve(image: Path, folder: Path, variables: Mapping[str, str]) -> Iterator[tuple[psutil.Process, int]]:
    """Serve an image with variables of the server, and provide the server's process and port."""
    folder.mkdir()
    with serve_bundle(image / "bundle", image / "keys.json", folder, variables) as served:
        yield served


def measure_ready(image: Path, folder: Path) -> float:
    """Return the seconds until a new service is ready."""
    began = time.perf_counter()
    with serve(image, folder, {SETTINGS_FILE: str(image / COLLECTION)}):
        return time.perf_counter() - began


@contextmanager
def serve_azure(programs: Path, folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    """Serve the same script with Azure's server, and provide its process and port."""
    root = folder / "azure"
    root.mkdir()
    script = root / "score.py"
    script.write_text(SCRIPT)
    command = [programs / "azmlinfsrv", "--entry_script", script, "--port", "{port}"]
    with start(command, root, AML_APP_ROOT=str(root), WORKER_COUNT="1") as found:
        yield found


@contextmanager
def start(command: Sequence[str | Path], folder: Path, **environ: str) -> Iterator[tuple[psutil.Process, int]]:
    """Start a server with a free port instead of "{port}", and provide its process and port once it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [str(word).replace("{port}", str(port)) for word in command]
    with open(folder / f"{port}.log", "wb") as log:
        process = subprocess.Popen(words, env={**os.environ, **environ}, stdout=log, stderr=log)
    children: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise InstallError((folder / f"{port}.log").read_text(errors="replace")[-500:])
            time.sleep(0.05)
        server = psutil.Process(process.pid)
        children = server.children(recursive=True)
        yield server, port
    finally:
        for child in (*children, process):
            child.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _find_p99(port: int) -> float:
    took = send_steadily(port, make_request(1), RATE, SECONDS)
    return statistics.quantiles(took, n=100)[98] * 1e3


def make_speed_row(label: str, samples: Sequence[Sample]) -> Row:
    """Return the row of a measurement, with the requests per second."""
    speed = 1 / statistics.median(sample.wall for sample in samples)
    row = make_row(label, [sample * 1e6 for sample in samples], f"{speed:,.0f} requests/s")
    return replace(row, unit="µs")


def _compare(made: dict[str, Row], rows: int) -> Iterator[Figure]:
    for measure in ("wall", "CPU"):
        ours, alone = (made[name_row(name, rows)].columns[measure].median for name in (OURS, ALONE))
        if azure := made.get(name_row(AZURE, rows)):
            yield Figure(f"scoring_{rows}", "no", measure, azure.columns[measure].median / ours)
        yield Figure(f"collection_{rows}", "no", measure, alone / ours)
