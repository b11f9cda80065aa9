"""Notebooks that are executed side by side, in threads, and the events that tell of them in one queue."""

import queue
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from mlops.execution import execute
from mlops.execution.cancel import Cancel


@dataclass(frozen=True)
class CellDone:
    """`done` of a notebook's `cells` are through."""

    name: str
    done: int
    cells: int


@dataclass(frozen=True)
class NotebookEnded:
    """A notebook has ended after so many seconds; `future` raises what it raised."""

    name: str
    future: "Future[None]"
    seconds: float


class NotebookPool:
    """Executes up to `jobs` notebooks at a time; left by an exception, it ends those that run.

    Parameters
    ----------
    jobs : int
        How many side by side.
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

    def start(self, name: str, source: Path, output: Path, parameters: dict[str, Any], **options: Any) -> None:
        """Have a notebook executed; the events name it `name`, the rest is as for `mlops.execution.execute`."""
        began = time.monotonic()
        future = self._threads.submit(
            execute,
            source,
            output,
            parameters,
            report_cell=lambda done, cells: self._events.put(CellDone(name, done, cells)),
            cancel=self._cancel,
            **options,
        )
        future.add_done_callback(
            lambda ended: self._events.put(NotebookEnded(name, ended, time.monotonic() - began)),
        )

    def wait(self) -> CellDone | NotebookEnded:
        """Wait for the next event."""
        return self._events.get()
