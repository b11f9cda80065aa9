"""Fixtures for many tests: the project, a scratch state, and the command line as a user calls it."""

import atexit
import contextlib
import gc
import itertools
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import whole_parsing
from command_line import PROJECT, CommandLine
from spread import GroupScheduling, find_group

from mlops.data.profile import Profile, read_profile
from mlops.workspace import Workspace

pytest_plugins = ["doubles.azure.fixtures", "dask_cluster"]

whole_parsing.install()

# pytest rewrites the assertions of the test files, which takes 3 of 8 s of CPU of each worker. Other workers and later
# runs read the bytecode, also on a machine that otherwise writes none.
_writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, False

# Collecting the tests makes many objects and frees few. Garbage collection would take 4 of 14 s of each worker.
gc.disable()

# Tests send requests to services on this machine. Tests of proxies undo this setting.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost")))

# The workers of the tests share the cores. Threads of OpenMP that wait for a core make a boosting of 0.1 s take 1.5 s.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The parents of warm kernels are started for the tests only, and end with them.
os.environ["MLOPS_KERNELS_OWNER"] = str(os.getpid())
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="mlops-tests-")
os.chmod(os.environ["XDG_RUNTIME_DIR"], 0o711)  # another user must reach the copy of the project in it
atexit.register(shutil.rmtree, os.environ["XDG_RUNTIME_DIR"], ignore_errors=True)

# All scratch homes share the environments of services. Each would need 0.05 s and 1,600 links.
os.environ["MLOPS_LOCAL_ENVIRONMENTS"] = str(Path(os.environ["XDG_RUNTIME_DIR"], "environments"))

from sandbox import SANDBOX  # noqa: E402, it is made in the folder above


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    """Distribute the tests of `make test` by groups of files."""
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each worker begin with some of the tests that may take longest.

    A worker that starts long tests late would be the last one to finish. In `make test`, the groups of files are first.
    In `make test-all`, pytest-xdist gives each worker an equal share of the list, and idle workers take tests from the
    end of other shares.
    """
    items.sort(key=lambda item: find_group(item.nodeid))
    longest = sorted((item for item in items if item.get_closest_marker("timeout")), key=_get_timeout, reverse=True)
    workers, total = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), len(items)
    first = longest[:workers]
    others = iter([item for item in items if item not in first])
    items.clear()
    for number in range(workers):
        size = (total - len(items)) // (workers - number)
        begin = first[number : number + 1]
        items += [*begin, *itertools.islice(others, size - len(begin))]


def pytest_collection_finish() -> None:
    """Collect garbage from now on, but never look again at the objects that were made before the first test."""
    sys.dont_write_bytecode = _writes_none
    gc.freeze()
    gc.enable()


def _get_timeout(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout, whose problem can be any. Most tests need the project in `workspace`."""
    return PROJECT


@pytest.fixture(scope="session", autouse=True)
def _work_in_the_sandbox() -> Iterator[None]:
    with contextlib.chdir(SANDBOX):
        yield


@pytest.fixture(scope="session")
def find_processes() -> Callable[[str, int], list[psutil.Process]]:
    """Finds the live processes with a word in their command line, on the machine or below one process."""

    def find(word: str, parent: int = 0) -> list[psutil.Process]:
        found = []
        for process in psutil.Process(parent).children() if parent else psutil.process_iter():
            with contextlib.suppress(psutil.Error):  # it ended meanwhile, or is a zombie
                if word in " ".join(process.cmdline()):
                    found.append(process)
        return found

    return find


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Make SIGINT interrupt this process, even if a shell started it in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def reference() -> Profile:
    """The reference profile of the problem."""
    return read_profile(SANDBOX / "src" / "progression" / "reference_profile.json")


@pytest.fixture
def good() -> pd.DataFrame:
    """The data file that must pass: 442 rows, 11 columns; a fresh one for each test."""
    from progression import problem

    return problem.load_sample()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project that solves the problem `progression`, with a scratch state."""
    return Workspace(SANDBOX, tmp_path / "home", tmp_path / "outputs")


@pytest.fixture
def kernels() -> None:
    """Tells `in_process` that a test needs real kernels."""


@pytest.fixture
def in_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executes notebooks in this process, in a tenth of the time, unless the test asks for `kernels`."""
    from in_process import execute_in_process

    if "kernels" not in request.fixturenames:
        execute_in_process(monkeypatch)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow. Copying it saves the second that MLflow needs to create its schema."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").get_experiment_by_name("none")
    return path


@pytest.fixture
def migrated(workspace: Workspace, database: Path) -> Workspace:
    """The project with a scratch state in which MLflow's database already exists."""
    workspace.home.mkdir(parents=True)
    shutil.copyfile(database, workspace.home / database.name)
    return workspace


@pytest.fixture(scope="module")
def make_mlops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], CommandLine]]:
    """Creates command lines, each with a state of its own. Their services end with the module."""
    made: list[CommandLine] = []

    def make() -> CommandLine:
        folder = tmp_path_factory.mktemp("state")
        made.append(CommandLine(Workspace(SANDBOX, folder / "home", folder / "outputs")))
        return made[-1]

    yield make
    for mlops in made:
        if (mlops.workspace.home / "services").exists():
            mlops("stop")


@pytest.fixture(scope="module")
def mlops(make_mlops: Callable[[], CommandLine]) -> CommandLine:
    """One command line for the whole module."""
    return make_mlops()
