"""The largest memory of processes while something runs, as their proportional share (PSS)."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import psutil

PAUSE = 0.1  # seconds between two looks; a look at a process of 1 GB takes 10 ms


@contextmanager
def watch_kernels() -> Iterator[dict[int, float]]:
    """Watch the kernels that parents below this process fork; see `watch_processes`."""

    def find() -> list[psutil.Process]:
        return [process for process in psutil.Process().children(recursive=True) if process.name() == "warm-kernel"]

    with watch_processes(find) as peaks:
        yield peaks


@contextmanager
def watch_children() -> Iterator[dict[int, float]]:
    """Watch the children of this process; see `watch_processes`."""
    with watch_processes(psutil.Process().children) as peaks:
        yield peaks


@contextmanager
def watch_processes(find: Callable[[], Iterable[psutil.Process]]) -> Iterator[dict[int, float]]:
    """Watch processes within a ``with`` statement, and provide the peak of each in MB, in the order of their start."""
    peaks: dict[int, float] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(PAUSE):
            with suppress(psutil.Error):  # it has just ended
                for process in sorted(find(), key=psutil.Process.create_time):
                    peaks[process.pid] = max(peaks.get(process.pid, 0.0), process.memory_full_info().pss / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
