"""Where the notebooks of a sweep are executed: the seam, and this machine.

To add another, write a class with the one method of `Executor`, as `Threads` below and `cluster.Cluster` do.
"""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlops.errors import HandoffError, IntegrityError, StepFailed
from mlops.execution import execute
from mlops.execution.pool import NotebookEnded, NotebookPool
from mlops.notebook.handoff import read_scraps


@dataclass(frozen=True)
class Task:
    """One notebook to execute.

    Parameters
    ----------
    number : int
        Of the combination.
    source, output : Path
        The notebook, and its executed copy.
    parameters : mapping
        What it is given.
    seconds : float
        After this time it is ended.
    """

    number: int
    source: Path
    output: Path
    parameters: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """How a task ended: what its notebook handed on, or the error that ended it."""

    number: int
    seconds: float = 0.0
    results: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class Executor(Protocol):
    """Something that executes notebooks, several at a time."""

    def run(self, tasks: Sequence[Task], secrets: Callable[[], Iterable[str]]) -> Generator[Outcome, None, None]:
        """Execute all tasks, and yield how each ended, as they end; called by `mlops.sweeps.run`.

        A task that fails is an outcome, not an exception. The executed copy is in its place when its outcome is
        yielded. Whoever closes the generator early, or raises in it, ends what runs and what has not begun.
        """
        ...


class Threads:
    """The machine that this runs on: one process that has papermill loaded once, and a kernel a task.

    Parameters
    ----------
    jobs : int
        How many at a time.
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
    """Execute one task to its end, in this thread."""
    began = time.monotonic()
    try:
        execute(task.source, task.output, task.parameters, seconds=task.seconds, secrets=secrets)
        return Outcome(task.number, time.monotonic() - began, read_scraps(task.output))
    except (StepFailed, HandoffError, IntegrityError) as error:
        return Outcome(task.number, time.monotonic() - began, error=str(error))
