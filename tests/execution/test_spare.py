"""A spare kernel whose start or end fails. tests/execution/test_pool.py has the spare kernels that work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from mlops.execution import spare as module
from mlops.execution.source import KernelSpec
from mlops.execution.spare import Spare

SECONDS = 10


@dataclass
class FakeKernel:
    """A kernel without a process."""

    alive: Callable[[], bool] = lambda: True
    killed: list[bool] = field(default_factory=list)

    def is_alive(self) -> bool:
        return self.alive()

    def kill_on_close(self) -> None:
        self.killed.append(True)


def fail() -> bool:
    raise RuntimeError("zmq is closed")


def use(spare: Spare) -> Any:
    """Return the kernel that the work of a spare kernel gets, after the thread has ended."""
    got: SimpleQueue[Any] = SimpleQueue()

    def work(kernel: object, ending: ExitStack) -> None:
        got.put(kernel)
        ending.close()

    spare.execute(work)
    kernel = got.get(timeout=SECONDS)
    spare._thread.join(SECONDS)
    assert not spare._thread.is_alive()
    return kernel


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A notebook that names no kernel."""
    path = tmp_path / "source.ipynb"
    path.write_text("{}")
    return path


@pytest.fixture
def closing(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    """A kernel whose shutdown fails."""
    kernel = FakeKernel()

    @contextmanager
    def open_fake(*what: object) -> Iterator[FakeKernel]:
        yield kernel
        raise RuntimeError("the shutdown failed")

    monkeypatch.setattr(module, "open_kernel", open_fake)
    return kernel


@pytest.mark.parametrize("error", [ValueError, KeyError, AttributeError, RuntimeError])
def test_the_work_is_called_if_the_notebook_cannot_be_read(
    source: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def find_kernel(notebook: Path) -> KernelSpec:
        if threading.current_thread().name == "spare":
            raise error("half a notebook")
        return KernelSpec("python3", "python")

    monkeypatch.setattr(module, "find_kernel", find_kernel)
    assert use(Spare(source)) is None


@pytest.mark.parametrize("text", ['{"metadata": null}', "[]", "{"])
def test_a_notebook_that_is_being_saved_gets_no_spare_kernel(source: Path, text: str) -> None:
    source.write_text(text)
    assert use(Spare(source)) is None


def test_a_failed_shutdown_after_the_work_is_not_printed(source: Path, closing: FakeKernel) -> None:
    """Pytest fails this test if the thread raises an error."""
    assert use(Spare(source)) is closing
    assert closing.killed == []


@pytest.mark.parametrize("alive", [lambda: False, fail], ids=["dead", "unknown"])
def test_the_work_never_gets_an_unusable_kernel(source: Path, closing: FakeKernel, alive: Callable[[], bool]) -> None:
    closing.alive = alive
    assert use(Spare(source)) is None
    assert closing.killed == [True]


def test_a_failed_shutdown_of_an_unneeded_kernel_is_not_printed(source: Path, closing: FakeKernel) -> None:
    spare = Spare(source)
    spare.discard()
    spare._thread.join(SECONDS)
    assert closing.killed == [True]
