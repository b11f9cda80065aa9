"""A parent of warm kernels that is stopped, for example by SIGSTOP or a debugger."""

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops.kernels.running_parents import list_parents, stop_parents


@pytest.fixture
def stopped(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path]
) -> Iterator[tuple[int, Callable[[], Any]]]:
    """A stopped parent that has one kernel, and a function that starts another kernel of the same project."""
    project = str(make_project())

    def start() -> Any:
        return start_kernel(cwd=project)

    parent = int(start().run("import os; print(os.getppid())"))
    os.kill(parent, signal.SIGSTOP)
    yield parent, start
    with contextlib.suppress(ProcessLookupError):
        os.kill(parent, signal.SIGCONT)


def list_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings that a user would see."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def explain(parent: int) -> str:
    """Return what a user is told about a stopped parent."""
    return (
        f"The parent of the warm kernels, process {parent}, is stopped. Continue it with `kill -CONT {parent}`, or end "
        "it with `mlops kernels --stop`."
    )


def test_a_fresh_kernel_starts_until_it_continues(stopped: Any, caplog: pytest.LogCaptureFixture) -> None:
    parent, start = stopped
    assert not start().warm
    assert list_warnings(caplog) == [f"Starting a fresh kernel instead of a warm one. {explain(parent)}"]
    os.kill(parent, signal.SIGCONT)
    assert start().warm


def test_a_request_that_waits_for_imports_is_given_up(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    """The parent is stopped after its first answer, while it imports a module that the kernel needs."""
    folder = make_project("stopping")
    (folder / "stopping.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    assert not start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": str(folder)}).warm
    (parent,) = stop_parents()
    assert list_warnings(caplog) == [f"Starting a fresh kernel instead of a warm one. {explain(parent.pid)}"]


def test_a_kernel_that_ends_is_seen(private_folder: Path, start_kernel: Any, make_project: Callable[..., Path]) -> None:
    """The parent cannot report the exit code, so it is read from the process."""
    kernel = start_kernel(cwd=str(make_project()))
    parent = int(kernel.run("import os; print(os.getppid())"))
    os.kill(parent, signal.SIGSTOP)
    os.kill(kernel.process.pid, signal.SIGUSR1)
    assert kernel.process.wait(60) == -signal.SIGUSR1
    assert not kernel.manager.is_alive()
    os.kill(parent, signal.SIGCONT)


def test_it_is_listed_and_can_be_ended(
    stopped: Any, wait_for: Callable[..., bool], running: Callable[[int], bool]
) -> None:
    parent, _ = stopped
    assert [(found.pid, found.problem) for found in list_parents()] == [(parent, explain(parent))]
    assert [found.pid for found in stop_parents()] == [parent]
    assert wait_for(lambda: not running(parent), 60)
