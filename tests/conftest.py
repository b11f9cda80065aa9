"""What many tests need: the project, a scratch state, and the command line as a user calls it."""

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mlops.workspace import Workspace

pytest_plugins = ["azure_double.fixtures"]

# Warm kernels have parents of the tests' own, and end with the tests.
os.environ["MLOPS_KERNELS_OWNER"] = str(os.getpid())
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="mlops-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_RUNTIME_DIR"], ignore_errors=True)
PROJECT = Path(__file__).resolve().parents[1]
MLOPS = Path(sys.executable).with_name("mlops")


@dataclass(frozen=True)
class CommandLine:
    """The `mlops` command on a state of its own."""

    workspace: Workspace

    @property
    def environ(self) -> dict[str, str]:
        """The environment that it runs in."""
        own = {"MLOPS_HOME": str(self.workspace.home), "MLOPS_OUTPUTS": str(self.workspace.outputs)}
        return {**os.environ, **own}

    def __call__(self, *words: str, **options: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, in the project's folder."""
        environ = {**self.environ, **options}
        return subprocess.run(
            [str(MLOPS), *words], cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=300, check=False
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command and come back at once."""
        return subprocess.Popen(
            [str(MLOPS), *words],
            cwd=PROJECT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def find_processes() -> Callable[[str, int], list[psutil.Process]]:
    """Finds the live processes whose command line has a word: all of the machine's, or those below one."""

    def find(word: str, parent: int = 0) -> list[psutil.Process]:
        found = []
        for process in psutil.Process(parent).children() if parent else psutil.process_iter():
            with contextlib.suppress(psutil.Error):  # gone meanwhile, or a zombie
                if word in " ".join(process.cmdline()):
                    found.append(process)
        return found

    return find


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The project with a scratch state."""
    return Workspace(PROJECT, tmp_path / "home", tmp_path / "outputs")


@pytest.fixture(scope="module")
def make_mlops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], CommandLine]]:
    """Makes command lines, each on a state of its own; their services end with the module."""
    made: list[CommandLine] = []

    def make() -> CommandLine:
        folder = tmp_path_factory.mktemp("state")
        made.append(CommandLine(Workspace(PROJECT, folder / "home", folder / "outputs")))
        return made[-1]

    yield make
    for mlops in made:
        mlops("stop")


@pytest.fixture(scope="module")
def mlops(make_mlops: Callable[[], CommandLine]) -> CommandLine:
    """One command line for the whole module."""
    return make_mlops()
