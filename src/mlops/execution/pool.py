"""A pool of threads that executes several notebooks at a time and puts their events into one queue."""

import queue
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from mlops.execution.cancel import Cancel


@dataclass(frozen=True)
class CellDone:
    """The progress of a notebook: `done` of its `cells` have been executed."""

    name: str
    done: int
    cells: int


@dataclass(frozen=True)
class NotebookEnded:
    """The end of a notebook after `seconds`. If the execution failed, `future.result()` raises its error."""

    name: str
    future: "Future[None]"
    seconds: float


class NotebookPool:
    """A pool that executes up to `jobs` notebooks at a time.

    If the block of the ``with`` statement raises an exception, the running notebooks are ended.

    Parameters
    ----------
    jobs : int
        The maximum number of notebooks that run at a time.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="notebook")
        self._events: queue.SimpleQueue[CellDone | NotebookEnded] = queue.SimpleQueue()
        self._cancel = Cancel()

    def __enter__(self) -> "NotebookPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind:
            self._cancel.ask()
        self._threads.shutdown(cancel_futures=True)

    def start(self, name: str, source: Path, output: Path, parameters: Mapping[str, Any], **options: Any) -> None:
        """Start a notebook, or queue it. Its events have this `name`. The other arguments are those of `execute`."""
        from mlops.execution.notebook import execute  # papermill: not needed if all steps are unchanged

        began = 0.0

        def work() -> None:
            nonlocal began
            began = time.monotonic()
            execute(source, output, parameters, report_cell=tell_cell, cancel=self._cancel, **options)

        def tell_cell(done: int, cells: int) -> None:
            self._events.put(CellDone(name, done, cells))

        def tell_end(ended: "Future[None]") -> None:
            self._events.put(NotebookEnded(name, ended, time.monotonic() - began))

        self._threads.submit(work).add_done_callback(tell_end)

    def wait(self) -> CellDone | NotebookEnded:
        """Wait for the next event."""
        return self._events.get()
