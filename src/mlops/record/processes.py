"""Processes as records name them: by a number, and by when the process was created, as numbers are used again.

The system counts the time since it was started, and setting the clock does not change that count. The creation time
of a process is the count plus the time of the start, which moves with the clock, so a run in progress seemed lost then.
"""

import getpass
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

LOCKS = Path("/proc/locks")  # of Linux, as the next two
BOOT = Path("/proc/sys/kernel/random/boot_id")
STAT = "/proc/{pid}/stat"
STARTED = 19  # the place of the start among the fields of STAT that follow the command
MOST_SHOWN = 60  # characters of a command line
SAME_SECONDS = 1.0  # the creation time of a process that is read twice may differ by less


class ProcessId(NamedTuple):
    """What identifies a process uniquely; in JSON an array.

    Parameters
    ----------
    pid : int
        Its number.
    created : float
        When it was created, in seconds since the epoch, by the clock as it was set then.
    start : str
        When it was created, as the system counts: the id of the system's start, and the ticks since then. Empty if the
        system does not say, and in records older than this field, for which `created` decides.
    """

    pid: int
    created: float
    start: str = ""

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not, and neither does another process that got its number."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < SAME_SECONDS
            if self.start and (start := _find_start(self.pid)):
                same = start == self.start
            return same and found.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, ValueError, OverflowError):  # a damaged record may hold any number
            return False


NO_PROCESS = ProcessId(0, 0.0)  # of a record that cannot be read


def identify_process(pid: int) -> ProcessId:
    """Return what identifies a process that runs."""
    return ProcessId(pid, psutil.Process(pid).create_time(), _find_start(pid))


def _find_start(pid: int) -> str:
    """Return when a process was created, as the system counts; empty if the system does not say."""
    try:
        fields = Path(STAT.format(pid=pid)).read_text(errors="replace").rpartition(")")[2].split()
        return f"{BOOT.read_text().strip()}:{int(fields[STARTED])}"
    except (OSError, ValueError, IndexError):
        return ""


def own_process() -> ProcessId:
    """Return what identifies this process."""
    return identify_process(os.getpid())


def describe_holders(path: Path) -> str:
    """Return which processes hold a file, for a message: "process 4711 (sqlite3 mlflow.db)"; empty if none is found.

    Other users' processes are found only where the system lists locks, as Linux does.
    """
    return " and ".join(f"process {pid} ({_describe_command(pid)})" for pid in find_holders(path))


def find_holders(path: Path) -> list[int]:
    """Return the numbers of the other processes that have locked a file; of those that have it open if none has."""
    holders = _find_locking(path) or _find_opening(path)
    return sorted(holders - {os.getpid()})


def _find_locking(path: Path) -> set[int]:
    """Read the system's list of locks: number, kind, mode, access, process, file, first and last byte."""
    if not LOCKS.is_file() or not path.is_file():
        return set()
    found = path.stat()
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    lines = [line.split() for line in LOCKS.read_text().splitlines()]
    pids = {int(words[4]) for words in lines if words[1] != "->" and words[5] == file}
    return {pid for pid in pids if pid > 0}  # a process of another container has no number here


def _find_opening(path: Path) -> set[int]:
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # ended meanwhile, or another user's
            if any(Path(file.path) == path for file in process.open_files()):
                found.add(process.pid)
    return found


def _describe_command(pid: int) -> str:
    try:
        words = psutil.Process(pid).cmdline()
        command = " ".join([Path(words[0]).name, *words[1:]] if words else [psutil.Process(pid).name()])
    except psutil.Error:
        return "no longer running"
    command = " ".join(command.split())
    return command if len(command) <= MOST_SHOWN else f"{command[:MOST_SHOWN]}…"


def name_user() -> str:
    """Return the user that this process belongs to."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in many containers
        return f"user {os.getuid()}"
