"""Processes as records name them: by a number, and by when the process was created, as numbers are used again."""

import os
from typing import NamedTuple

import psutil

SAME_SECONDS = 1.0  # the creation time of a process that is read twice may differ by less


class ProcessId(NamedTuple):
    """What identifies a process uniquely; in JSON an array.

    Parameters
    ----------
    pid : int
        Its number.
    created : float
        When it was created, in seconds since the epoch.
    """

    pid: int
    created: float

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not, and neither does another process that got its number."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < SAME_SECONDS
            return same and found.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, ValueError, OverflowError):  # a damaged record may hold any number
            return False


NO_PROCESS = ProcessId(0, 0.0)  # of a record that cannot be read


def identify_process(pid: int) -> ProcessId:
    """Return what identifies a process that runs."""
    return ProcessId(pid, psutil.Process(pid).create_time())


def own_process() -> ProcessId:
    """Return what identifies this process."""
    return identify_process(os.getpid())
