"""The largest memory of each notebook of a run, as its proportional share (PSS)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from mlops.kernels.needs import NOTEBOOK

PAUSE = 0.05  # seconds between two looks


@contextmanager
def watch_notebooks(home: Path) -> Iterator[dict[str, float]]:
    """Watch the kernels of a home, and provide the peak of each notebook in MB, by its name.

    The kernels must be fresh ones. A fork has the environment of its parent, so it cannot be told whose it is.
    """
    peaks: dict[str, float] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(PAUSE):
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    environ = process.environ()
                    if environ.get("MLOPS_HOME") == str(home) and NOTEBOOK in environ:
                        name = Path(environ[NOTEBOOK]).stem
                        peaks[name] = max(peaks.get(name, 0.0), process.memory_full_info().pss / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
