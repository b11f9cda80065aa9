"""The interface for executing the notebooks of a sweep, and its implementation with threads on this machine."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlops.errors import HandoffError, IntegrityError, StepFailed
from mlops.execution.notebook import execute
from mlops.execution.pool import NotebookEnded, NotebookPool
from mlops.scraps import read_scraps


@dataclass(frozen=True)
class Task:
    """One notebook to execute.

    Parameters
    ----------
    number : int
        The number of the combination in the grid.
    source, output : Path
        The paths of the notebook and of its executed copy.
    parameters : mapping
        The values of the notebook's parameters.
    seconds : float
        The time limit, in seconds.
    """

    number: int
    source: Path
    output: Path
    parameters: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """The outcome of a task: the results of its notebook, or the error that ended it."""

    number: int
    seconds: float = 0.0
    results: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class Executor(Protocol):
    """An object that executes notebooks, several at a time."""

    def run(self, tasks: Sequence[Task], secrets: Callable[[], Iterable[str]]) -> Generator[Outcome, None, None]:
        """Execute all tasks, and yield the outcome of each task when it ends. `secrets` returns the values to redact.

        If a task fails, its outcome has the error, and no exception is raised. When an outcome is yielded, the executed
        copy of its notebook exists. If the generator is closed early, it ends the running tasks and cancels the others.
        """
        ...


class Threads:
    """An executor on this machine. Each task has its own thread in this process, and its own kernel.

    Parameters
    ----------
    jobs : int
        The number of tasks that run at a time.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def run(self, tasks: Sequence[Task], secrets: Callable[[], Iterable[str]]) -> Generator[Outcome, None, None]:
        """See `Executor`."""
        by_name = {str(task.number): task for task in tasks}
        with NotebookPool(self._jobs) as pool:
            for name, task in by_name.items():
                pool.start(name, task.source, task.output, task.parameters, seconds=task.seconds, secrets=secrets)
            ended = 0
            while ended < len(by_name):
                event = pool.wait()
                if isinstance(event, NotebookEnded):
                    ended += 1
                    yield _judge(by_name[event.name], event)


def _judge(task: Task, ended: NotebookEnded) -> Outcome:
    try:
        ended.future.result()
        return Outcome(task.number, ended.seconds, read_scraps(task.output))
    except (StepFailed, HandoffError, IntegrityError) as error:
        return Outcome(task.number, ended.seconds, error=str(error))


def execute_task(task: Task, secrets: Callable[[], Iterable[str]]) -> Outcome:
    """Execute one task in this thread, and return its outcome."""
    began = time.monotonic()
    try:
        execute(task.source, task.output, task.parameters, seconds=task.seconds, secrets=secrets)
        return Outcome(task.number, time.monotonic() - began, read_scraps(task.output))
    except (StepFailed, HandoffError, IntegrityError) as error:
        return Outcome(task.number, time.monotonic() - began, error=str(error))
