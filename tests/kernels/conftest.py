"""Kernels for the tests, fresh or warm, started in the same way as `jupyter_client` starts them."""

import contextlib
import logging
import os
import shutil
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import KernelManager

from mlops.kernels.process import WarmProcess

LOG = logging.getLogger("tests.kernels")
FIRST_CELL = "import multiprocessing as mp, os, sys, time\nimport numpy as np, pandas\na = np.random.rand(600, 600)"


class Kernel:
    """A running kernel."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.process = manager.provisioner.process
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=300)

    @property
    def warm(self) -> bool:
        """Whether the kernel was forked."""
        return isinstance(self.process, WarmProcess)

    def run(self, code: str, seconds: float = 300) -> str:
        """Run code and return what it shows: printed text, and the types of what is displayed."""
        shown: list[str] = []

        def collect(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                shown.append(content["text"])
            elif message["msg_type"] == "error":
                shown.append(f"{content['ename']}: {content['evalue']}")
            elif message["msg_type"] in ("display_data", "execute_result"):
                shown.append(" ".join(sorted(content["data"])))

        self.client.execute_interactive(textwrap.dedent(code), output_hook=collect, timeout=seconds)
        return "".join(shown).strip()

    def stop(self, now: bool = False) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)


StartKernel = Callable[..., Kernel]


@contextlib.contextmanager
def keep_kernels() -> Iterator[StartKernel]:
    """Yield a function that starts kernels, which end with the context."""
    started: list[Kernel] = []

    def start(*, warm: bool = True, manager: dict[str, Any] | None = None, **options: Any) -> Kernel:
        environ = {**options.pop("env", os.environ), "MLOPS_WARM_KERNELS": str(int(warm))}
        environ.pop("PYTEST_CURRENT_TEST", None)  # ipykernel behaves differently if it is set
        kernel_manager = KernelManager(kernel_name="python3", log=LOG, **(manager or {}))
        kernel_manager.start_kernel(env=environ, **options)
        started.append(Kernel(kernel_manager))
        return started[-1]

    yield start
    for kernel in started:
        if kernel.manager.has_kernel:
            kernel.stop(now=True)


@pytest.fixture(scope="module", autouse=True)
def _do_not_limit_threads() -> Iterator[None]:
    """The other tests limit the threads of OpenMP, but kernels of users have no limit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS")
        yield


# Fresh kernels change with their packages, not with every commit, so the comparison with them runs at night.
ALIKE = [pytest.param("fresh", marks=pytest.mark.slow), "warm"]


@pytest.fixture
def start_kernel() -> Iterator[StartKernel]:
    """Starts kernels that end with the test."""
    with keep_kernels() as start:
        yield start


@pytest.fixture(scope="module", params=ALIKE)
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the whole module: a fresh one, then a warm one; each has run `FIRST_CELL`."""
    with keep_kernels() as start:
        found = start(warm=request.param == "warm", cwd=str(tmp_path_factory.mktemp("folder")))
        assert found.warm == (request.param == "warm")
        assert found.run(FIRST_CELL) == ""
        yield found


@pytest.fixture(params=ALIKE)
def start_alike(request: pytest.FixtureRequest, start_kernel: StartKernel) -> StartKernel:
    """Starts kernels. Each test runs twice, once with fresh kernels and once with warm ones."""

    def start(**options: Any) -> Kernel:
        found = start_kernel(warm=request.param == "warm", **options)
        assert found.warm == (request.param == "warm")
        return found

    return start


@pytest.fixture
def private_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sockets for this test alone. Its path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-test-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder / f"mlops-kernels-{os.getuid()}"
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "mlops.kernels.parent" in process.cmdline() and str(folder) in " ".join(process.cmdline()):
                process.kill()
    shutil.rmtree(folder)


@pytest.fixture
def make_project(tmp_path: Path, private_folder: Path) -> Callable[..., Path]:
    """Makes a project that has only settings of kernels; its folder may also contain modules.

    Its parent is in a folder of its own. Otherwise, the parent of the sandbox, whose imports take 4 s of CPU, would be
    one too many, and end.
    """

    def make(preload: str = "", idle_minutes: float = 5) -> Path:
        (tmp_path / "parameters").mkdir(exist_ok=True)
        text = f"kernels: {{idle_minutes: {idle_minutes}, preload: [{preload}]}}\n"
        (tmp_path / "parameters" / "base.yml").write_text(text)
        return tmp_path

    return make


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> bool:
    """Wait for a condition, and return whether it became true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_running(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., bool]:
    """Waits for a condition."""
    return wait_until


@pytest.fixture(scope="session")
def running() -> Callable[[int], bool]:
    """Checks whether a process runs."""
    return is_running
