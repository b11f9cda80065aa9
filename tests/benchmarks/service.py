"""The throughput of the service over sockets, with one worker: rows of ten numbers, and records with texts.

The scoring scripts do next to nothing, so the service itself is measured, not a model.
"""

import functools
import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from churn import problem as churn
from progression import problem as progression

from benchmarks.goals import compare
from benchmarks.load import CLIENTS, measure_load
from benchmarks.measure import Row, Sample, interleave, make_row
from benchmarks.scratch import Section, make_scratch
from benchmarks.serving import serve_bundle
from mlops.image.bundle import build_bundle
from mlops.image.schema import encode_schema, write_rows
from mlops.image.sources import ImageSources
from mlops.problem import Problem

REQUESTS = {1: 4000, 100: 400}  # requests of a measurement, by their number of rows
KEY = "benchmark"
SCRIPT = "import numpy as np\ndef init(): pass\ndef run(data): return {}\n"
NUMBERS, RECORDS = "ten numbers", "records with texts"
SERVED: dict[str, tuple[Problem, str]] = {  # each problem, and what its scoring script returns
    NUMBERS: (progression, "data.sum(axis=1)"),
    RECORDS: (churn, 'np.where(data["plan"] == "basic", 0.5, 0.1)'),
}


def measure_service(rounds: int) -> Section:
    """Measure requests of one row and of many. The first round is left out."""
    with make_scratch() as scratch, ExitStack() as stack:
        found: dict[str, Callable[[], Sample]] = {}
        for number, (kind, (problem, result)) in enumerate(SERVED.items()):
            server, port = stack.enter_context(serve(problem, result, Path(scratch, str(number))))
            for rows in REQUESTS:
                request = make_request(problem, rows)
                found[name_row(kind, rows)] = functools.partial(measure_load, request, REQUESTS[rows], port, server)
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
        f"{CLIENTS} connections at once; CPU: of all processes of the service",
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
    with serve_bundle(folder / "bundle", keys, folder) as served:
        yield served
