"""The peak memory of processes, measured as proportional set size (PSS)."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil

from mlops.kernels.needs import NOTEBOOK

PAUSE = 0.05  # seconds between two measurements
Key = TypeVar("Key")


@contextmanager
def watch_notebooks(home: Path) -> Iterator[dict[str, float]]:
    """Measure the kernels of a home within a ``with`` statement, and provide the peak of each notebook in MB, by name.

    The kernels must be fresh kernels. A warm kernel has the environment of its parent, so its notebook is unknown.
    """

    def find() -> Iterator[tuple[str, psutil.Process]]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # the process ended, or belongs to another user
                environ = process.environ()
                if environ.get("MLOPS_HOME") == str(home) and NOTEBOOK in environ:
                    yield Path(environ[NOTEBOOK]).stem, process

    with watch_processes(find, PAUSE) as peaks:
        yield peaks


@contextmanager
def watch_processes(
    find: Callable[[], Iterable[tuple[Key, psutil.Process]]], pause: float
) -> Iterator[dict[Key, float]]:
    """Measure processes within a ``with`` statement, and provide the peak of each key in MB.

    `find` returns the current processes, each with its key. `pause` is the number of seconds between two measurements.
    """
    peaks: dict[Key, float] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(pause):
            with suppress(psutil.Error):  # a process ended
                for key, process in find():
                    with suppress(psutil.Error):
                        peaks[key] = max(peaks.get(key, 0.0), process.memory_full_info().pss / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
