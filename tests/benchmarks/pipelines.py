"""Scikit-learn pipelines as a user serves them, beside Azure's inference server with a script that loads joblib.

`mlops run all` trains each model, creates its image and deploys it. The service has everything on: keys, schema,
metrics, and the collection of requests on the disk. Azure's server has nothing of that.
"""

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import psutil
import requests
from other_project import copy_project

from benchmarks.default_install import InstallError, find_install
from benchmarks.goals import Figure, compare
from benchmarks.measure import Row, Sample, interleave
from benchmarks.processes import PROJECT, keep_parents_apart
from benchmarks.scoring import AZURE, AZURE_PACKAGES, make_speed_row, measure_one, name_row, start, write_request
from benchmarks.scratch import Section, make_scratch
from mlops.backends import open_backend
from mlops.backends.local.services.processes import find_servers
from mlops.image.bundle import MODEL
from mlops.image.schema import write_rows
from mlops.model.loading import load_registered
from mlops.problem import load
from mlops.serving.runtimes.record import read_record
from mlops.workspace import Workspace

REQUESTS = {1: 3000, 100: 1000, 1000: 400}  # requests of a measurement, by their number of rows
AZURE_SHARE = 0.1  # of these requests that Azure's server gets, because it takes longer
OURS = "mlops"
SCRIPT = """
import json
from pathlib import Path
import joblib
import numpy
import pandas

def init():
    global model
    model = joblib.load(Path(__file__).with_name("model.joblib"))

def run(data):
    rows = {rows}(json.loads(data)["data"])
    return {{"result": model.{call}.tolist()}}
"""
# For each problem, what the script of Azure's server does with the rows. The problem is also the name of its goals.
SCRIPTS = {
    "ridge": SCRIPT.format(rows="numpy.array", call="predict(rows)"),
    "boosting": SCRIPT.format(rows="pandas.DataFrame", call="predict_proba(rows)[:, 1]"),
}
TOLERANCE = 1e-9  # relative difference between the answers of the two servers


class AnswersDifferError(Exception):
    """The two servers gave different answers, so their times cannot be compared."""


@dataclass(frozen=True)
class Server:
    """A server that answers requests with the rows of a problem."""

    process: psutil.Process
    port: int
    key: str = ""

    def ask(self, body: bytes) -> list[float]:
        """Return the predictions for the rows of a body."""
        head = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        answer = requests.post(f"http://127.0.0.1:{self.port}/score", data=body, headers=head, timeout=60)
        answer.raise_for_status()
        found: list[float] = answer.json()["result"]
        return found


def measure_pipelines(rounds: int) -> Section:
    """Measure requests of one row and of many. The first round is left out."""
    notes = ["problems without a scoring script, as `mlops run all` deploys them; the other server loads joblib"]
    found: dict[str, Callable[[], Sample]] = {}
    with make_scratch() as scratch, ExitStack() as stack:
        for name in SCRIPTS:
            folder = Path(scratch, name)
            workspace = stack.enter_context(deploy(name, folder))
            servers = {OURS: find_service(workspace)}
            model = Path(servers[OURS].process.cwd(), MODEL)
            notes.append(f"{name}: the runtime is {read_record(model).runtime}")
            try:
                servers[AZURE] = stack.enter_context(serve_joblib(name, workspace, folder))
            except InstallError as error:
                notes.append(f"{name}, {AZURE}: not measured, {error}")
            found |= plan_measurements(name, servers)
        interleave(found, 1)
        samples = interleave(found, rounds)
    made = {label: make_speed_row(label, samples[label]) for label in found}
    return Section("Pipelines", tuple(made.values()), tuple(list_figures(made)), tuple(notes))


def plan_measurements(name: str, servers: dict[str, Server]) -> dict[str, Callable[[], Sample]]:
    """Return the functions that measure each server of a problem once, by label.

    Raises
    ------
    AnswersDifferError
        If the servers give different answers.
    """
    found: dict[str, Callable[[], Sample]] = {}
    for rows, times in REQUESTS.items():
        body = make_body(name, rows)
        answers = np.array([server.ask(body) for server in servers.values()])
        if not np.allclose(answers, answers[0], rtol=TOLERANCE, atol=0):
            raise AnswersDifferError(f"{name}: the answers differ by {np.ptp(answers, axis=0).max()}")
        for label, server in servers.items():
            sent = int(times * (AZURE_SHARE if label == AZURE else 1))
            request = write_request(body, server.key)
            found[name_row(f"{name}, {label}", rows)] = functools.partial(
                measure_one, request, sent, server.port, server.process
            )
    return found


def make_body(name: str, rows: int) -> bytes:
    """Return the body of a request with rows of the sample data of a problem."""
    problem = load(name)
    sample = problem.load_sample()[list(problem.features)]
    picked = sample.iloc[np.arange(rows) % len(sample)].itertuples(index=False, name=None)
    return json.dumps({"data": write_rows(problem, list(picked))}).encode()


@contextmanager
def deploy(name: str, folder: Path) -> Iterator[Workspace]:
    """Train, register, release and serve the model of a problem, and stop its services at the end."""
    mlops = copy_project(folder, name)
    with keep_parents_apart():
        try:
            ran = mlops("run", "all")
            if ran.returncode:
                raise InstallError(ran.stdout[-1000:] + ran.stderr[-1000:])
            mlops("stop", "qa")
            yield mlops.workspace
        finally:
            mlops("stop")


def find_service(workspace: Workspace) -> Server:
    """Return the service in production."""
    backend = open_backend("local", workspace)
    (service,) = (found for found in backend.services.list_services() if found.environment == "production")
    (process,) = find_servers(workspace.home / "services" / "production")
    return Server(process, int(service.url.rpartition(":")[2]), backend.secrets.get_keys("production")[0])


@contextmanager
def serve_joblib(name: str, workspace: Workspace, folder: Path) -> Iterator[Server]:
    """Serve the champion with Azure's server, from a file that joblib wrote."""
    programs = find_install(PROJECT / ".venv-azureml", AZURE_PACKAGES)
    problem, backend = load(name), open_backend("local", workspace)
    champion = backend.registry.find_champion(name)
    root = folder / "azure"
    root.mkdir()
    joblib.dump(load_registered(backend, problem, champion), root / "model.joblib")
    (root / "score.py").write_text(SCRIPTS[name])
    command = [programs / "azmlinfsrv", "--entry_script", root / "score.py", "--port", "{port}"]
    # With more threads, gradient boosting takes ten times as long for a row.
    with start(command, root, AML_APP_ROOT=str(root), WORKER_COUNT="1", OMP_NUM_THREADS="1") as (process, port):
        yield Server(process, port)


def list_figures(made: dict[str, Row]) -> Iterator[Figure]:
    """Return the ratios of the two servers, for each problem and number of rows that was measured with both."""
    for name in SCRIPTS:
        for rows in REQUESTS:
            ours, theirs = (name_row(f"{name}, {label}", rows) for label in (OURS, AZURE))
            if theirs in made:
                yield from compare(f"{name}_{rows}", "no", made[ours], made[theirs])
