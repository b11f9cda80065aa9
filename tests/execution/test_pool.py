"""Kernels that start in advance, and the ends of kernels."""

import asyncio
import contextlib
import gc
import json
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from kernel_processes import find_kernels, wait_for_kernel

import mlops
from mlops.errors import StepFailed
from mlops.execution.pool import NotebookEnded, NotebookPool
from mlops.kernels import launch as kernel_launch
from mlops.kernels import provisioner
from mlops.kernels.process import WarmProcess

TELL = """\
import json, os
print(json.dumps([os.getpid(), os.getcwd(), os.environ["JPY_SESSION_NAME"], os.environ.get("SECRET", "")]))"""


def write_notebook(path: Path, cell: str = TELL, kernel: str = "python3") -> Path:
    """Write a notebook of one cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(notebook, path)
    return path


def execute(pool: NotebookPool, source: Path, name: str = "step") -> list[Any]:
    """Execute a notebook in the pool, and return what its cell printed."""
    output = source.with_name(f"{name}-copy.ipynb")
    pool.start(name, source, output, {}, seconds=60)
    while not isinstance(event := pool.wait(), NotebookEnded):
        pass
    event.future.result()
    (shown,) = nbformat.read(output, as_version=4).cells[0].outputs
    found: list[Any] = json.loads(shown.text)
    return found


@pytest.fixture(params=["1", "0"], ids=["warm", "fresh"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of kernels."""
    monkeypatch.setenv("MLOPS_WARM_KERNELS", request.param)


@pytest.mark.usefixtures("kind")
def test_a_prepared_kernel_executes_its_notebook(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "source.ipynb")
    with NotebookPool(1) as pool:
        pool.prepare({"step": source})
        spare = wait_for_kernel(os.getpid())
        pool.prepare({"step": source})  # it is already there
        assert execute(pool, source) == [spare.pid, os.getcwd(), str(source), ""]
    assert find_kernels(os.getpid()) == []


def change_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "new")


def change_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def edit_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops.record.fingerprints.RECENT", 0)  # the listing of the sources is no longer recent
    (folder / "engine" / "module.py").write_text("new = True")


def kill_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kernel in find_kernels(os.getpid()):
        os.kill(kernel.pid, signal.SIGKILL)
        kernel.wait(10)


@pytest.mark.parametrize("change", [change_variable, change_folder, edit_engine, kill_kernel])
def test_a_prepared_kernel_that_a_new_one_would_differ_from_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    (tmp_path / "engine").mkdir()
    monkeypatch.setattr(mlops, "__file__", str(tmp_path / "engine" / "__init__.py"))
    source = write_notebook(tmp_path / "source.ipynb")
    with NotebookPool(1) as pool:
        pool.prepare({"step": source})
        spare = wait_for_kernel(os.getpid())
        change(tmp_path, monkeypatch)
        pid, *seen = execute(pool, source)
    assert pid != spare.pid
    assert seen == [os.getcwd(), str(source), os.environ.get("SECRET", "")]
    assert find_kernels(os.getpid()) == []


def test_a_prepared_kernel_that_is_not_needed_is_killed(tmp_path: Path) -> None:
    sources = {name: write_notebook(tmp_path / f"{name}.ipynb") for name in ("one", "two", "three")}
    with NotebookPool(1) as pool:
        pool.prepare({"one": sources["one"]})
        one = wait_for_kernel(os.getpid())
        pool.prepare({"two": sources["two"], "three": sources["three"]})  # no more than jobs
        one.wait(10)
        assert execute(pool, sources["two"], "two")[2] == str(sources["two"])
        pool.prepare({"three": sources["three"]})
    assert find_kernels(os.getpid()) == []


def test_an_error_kills_the_prepared_kernels(tmp_path: Path) -> None:
    def fail() -> None:
        with NotebookPool(1) as pool:
            pool.prepare({"step": write_notebook(tmp_path / "source.ipynb")})
            wait_for_kernel(os.getpid())
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert find_kernels(os.getpid()) == []


@pytest.mark.usefixtures("kind")
def test_a_kernel_that_is_discarded_while_it_starts_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with NotebookPool(1) as pool:
        pool.prepare({"step": write_notebook(tmp_path / "source.ipynb")})
        while not find_kernels(os.getpid()):
            time.sleep(0.001)
    assert find_kernels(os.getpid()) == []
    assert capfd.readouterr() == ("", "")


def test_a_kernel_that_waits_for_the_parent_delays_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A parent that imports for seconds must not keep a run that has ended."""
    launching, imported, launch = threading.Event(), threading.Event(), kernel_launch.launch
    processes: queue.SimpleQueue[WarmProcess] = queue.SimpleQueue()

    def launch_late(command: list[str], options: Mapping[str, Any]) -> WarmProcess | None:
        launching.set()
        assert imported.wait(60)
        if process := launch(command, options):
            processes.put(process)
        return process

    monkeypatch.setattr(provisioner, "launch", launch_late)
    with NotebookPool(1) as pool:
        pool.prepare({"step": write_notebook(tmp_path / "source.ipynb")})
        assert launching.wait(60)
    imported.set()
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(processes.get(timeout=60).pid).wait(60)
    assert capfd.readouterr() == ("", "")
    assert find_kernels(os.getpid()) == []


def test_a_prepared_kernel_that_does_not_start_is_reported_by_its_notebook(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "source.ipynb", kernel="not-there")
    with NotebookPool(1) as pool:
        pool.prepare({"step": source})
        with pytest.raises(StepFailed, match="The Jupyter kernel 'not-there' is not installed here"):
            execute(pool, source)


def list_open_loops() -> list[asyncio.BaseEventLoop]:
    """Return the event loops of this process that nobody closed."""
    found = [thing for thing in gc.get_objects() if isinstance(thing, asyncio.BaseEventLoop)]
    return [loop for loop in found if not loop.is_closed()]


def test_a_notebook_starts_after_the_kernels_of_those_that_ended(tmp_path: Path) -> None:
    """What the exit of a kernel writes or unlocks is there for the next notebook. No event loop stays open."""
    marker, looked, before = tmp_path / "marker", tmp_path / "looked", list_open_loops()
    late = (
        "import atexit, pathlib, time\n"
        "@atexit.register\n"
        "def end():\n"
        f"    while not pathlib.Path({str(looked)!r}).exists():\n"
        "        time.sleep(0.01)\n"
        f"    pathlib.Path({str(marker)!r}).touch()"
    )
    first = write_notebook(tmp_path / "first.ipynb", late)
    look = f"import json, pathlib\nprint(json.dumps([pathlib.Path({str(marker)!r}).exists()]))"
    second = write_notebook(tmp_path / "second.ipynb", look)
    with NotebookPool(2) as pool:
        pool.prepare({"second": second})
        pool.start("first", first, tmp_path / "first-copy.ipynb", {}, seconds=60)
        while not isinstance(pool.wait(), NotebookEnded):
            pass
        assert not marker.exists()  # its results are read while its kernel ends
        looked.touch()
        assert execute(pool, second, "second") == [True]
    assert [loop for loop in list_open_loops() if loop not in before] == []
