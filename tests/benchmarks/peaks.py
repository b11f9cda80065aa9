"""The largest memory of processes while something runs, as their proportional share (PSS)."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from peak_memory import watch_processes

PAUSE = 0.1  # seconds between two looks; a look at a process of 1 GB takes 10 ms


@contextmanager
def watch_kernels() -> Iterator[dict[int, float]]:
    """Watch the kernels that parents below this process fork, by process id in the order of their start."""

    def find() -> Iterator[tuple[int, psutil.Process]]:
        for process in sorted(psutil.Process().children(recursive=True), key=psutil.Process.create_time):
            if process.name() == "warm-kernel":
                yield process.pid, process

    with watch_processes(find, PAUSE) as peaks:
        yield peaks


@contextmanager
def watch_children() -> Iterator[dict[int, float]]:
    """Watch the children of this process, by process id in the order of their start."""

    def find() -> Iterator[tuple[int, psutil.Process]]:
        for process in sorted(psutil.Process().children(), key=psutil.Process.create_time):
            yield process.pid, process

    with watch_processes(find, PAUSE) as peaks:
        yield peaks
