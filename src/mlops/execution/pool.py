"""A pool of threads that executes several notebooks at a time and puts their events into one queue."""

import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlops.execution.cancel import Cancel

if TYPE_CHECKING:
    from mlops.execution.kernel import Kernel
    from mlops.execution.spare import Spare


@dataclass(frozen=True)
class CellDone:
    """The event that the notebook `name` has executed `done` of its `cells` cells."""

    name: str
    done: int
    cells: int


@dataclass(frozen=True)
class NotebookEnded:
    """The event that the notebook `name` ended after `seconds`. If it failed, `future.result()` raises the error."""

    name: str
    future: "Future[None]"
    seconds: float


class NotebookPool:
    """A pool that executes up to `jobs` notebooks at the same time.

    If the block of the ``with`` statement raises an exception, the pool kills the running notebooks.

    Parameters
    ----------
    jobs : int
        The maximum number of notebooks that run at the same time.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="notebook")
        self._events: queue.SimpleQueue[CellDone | NotebookEnded] = queue.SimpleQueue()
        self._cancel = Cancel()
        self._spares: dict[str, Spare] = {}  # kernels that wait for a notebook, by the name of the notebook
        self._used: list[Spare] = []  # kernels that were given a notebook, or were discarded
        self._closing: list[threading.Event] = []  # one event per notebook, set when its kernel exits

    def __enter__(self) -> "NotebookPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind:
            for cancel in (self._cancel, *(spare.cancel for spare in self._used)):
                cancel.ask()
        self.prepare({})
        self._threads.shutdown(cancel_futures=True)
        for spare in self._used:
            spare.join()

    def prepare(self, sources: Mapping[str, Path]) -> None:
        """Start kernels for the notebooks that will probably run next, and end unused kernels of other notebooks.

        Parameters
        ----------
        sources : mapping of str to Path
            The path of each notebook, by the name that it has in events. Only the first `jobs` notebooks get a kernel.
        """
        names = list(sources)[: self.jobs]
        for name in self._spares.keys() - set(names):
            spare = self._spares.pop(name)
            spare.discard()
            self._used.append(spare)
        for name in [name for name in names if name not in self._spares]:
            from mlops.execution.spare import Spare  # jupyter_client: not needed if all steps are unchanged

            self._spares[name] = Spare(sources[name])

    def start(self, name: str, source: Path, output: Path, parameters: Mapping[str, Any], **options: Any) -> None:
        """Start a notebook, or queue it until a thread is free. Its events will have this `name`.

        The other arguments are those of `mlops.execution.notebook.execute`.
        """
        # The first cell waits until the kernels of earlier notebooks have exited, because these kernels may hold locks.
        from jupyter_core.utils import ensure_event_loop  # see `prepare`

        from mlops.execution.notebook import execute

        ended, closed, began = Future[None](), threading.Event(), 0.0
        earlier, spare = self._closing.copy(), self._spares.pop(name, None)
        cancel = spare.cancel if spare else self._cancel

        def work(kernel: "Kernel | None", ending: ExitStack) -> None:
            nonlocal began
            began = time.monotonic()
            options.update(report_cell=tell_cell, cancel=cancel, kernel=kernel, ending=ending)
            try:
                for closing in earlier:
                    closing.wait()
                execute(source, output, parameters, **options)
            except BaseException as error:  # noqa: BLE001 - raised again when the result is read
                ended.set_exception(error)
            else:
                ended.set_result(None)
            try:
                ending.close()
            finally:
                closed.set()

        def work_in_thread() -> None:
            with closing(ensure_event_loop()):  # jupyter_client closes no event loop
                work(None, ExitStack())

        def tell_cell(done: int, cells: int) -> None:
            self._events.put(CellDone(name, done, cells))

        def tell_end(future: "Future[None]") -> None:
            self._closing.append(closed)
            self._events.put(NotebookEnded(name, future, time.monotonic() - began))

        ended.add_done_callback(tell_end)
        if spare:
            spare.execute(work)
            self._used.append(spare)
        else:
            self._threads.submit(work_in_thread)

    @property
    def has_events(self) -> bool:
        """True if `wait` would return at once."""
        return not self._events.empty()

    def wait(self) -> CellDone | NotebookEnded:
        """Wait for the next event, and return it."""
        return self._events.get()
