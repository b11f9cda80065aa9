"""The identity of processes in records."""

# The operating system reuses process ids, so records contain the creation time of a process, too. If possible, it is
# relative to the boot, because the absolute time changes when the clock is set.

import getpass
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

LOCKS = Path("/proc/locks")  # this file and the next two exist only on Linux
BOOT = Path("/proc/sys/kernel/random/boot_id")
STAT = "/proc/{pid}/stat"
STARTED = 19  # the index of the start time in the fields of STAT that follow the command
MOST_SHOWN = 60  # maximum length of a command line in a message
SAME_SECONDS = 1.0  # seconds; two readings of the same creation time can differ by this much


class ProcessId(NamedTuple):
    """The identity of a process, which stays unique even if the system reuses the process id.

    Parameters
    ----------
    pid : int
        The process id.
    created : float
        The creation time in seconds since 1970.
    start : str
        The boot id of the system, and the creation time in ticks since the system booted; empty if they are unknown.
    """

    pid: int
    created: float
    start: str = ""

    @property
    def alive(self) -> bool:
        """True while the process runs. False if it ended or is a zombie, or if another process has its id now."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < SAME_SECONDS
            if self.start and (start := _find_start(self.pid)):
                same = start == self.start
            return same and found.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, ValueError, OverflowError):  # a damaged record may contain any number
            return False


NO_PROCESS = ProcessId(0, 0.0)  # an unknown process


def identify_process(pid: int) -> ProcessId:
    """Return the identity of a running process."""
    return ProcessId(pid, psutil.Process(pid).create_time(), _find_start(pid))


def _find_start(pid: int) -> str:
    try:
        fields = Path(STAT.format(pid=pid)).read_text(errors="replace").rpartition(")")[2].split()
        return f"{BOOT.read_text().strip()}:{int(fields[STARTED])}"
    except (OSError, ValueError, IndexError):
        return ""


def own_process() -> ProcessId:
    """Return the identity of this process."""
    return identify_process(os.getpid())


def describe_holders(path: Path) -> str:
    """Describe the processes that use a file: "process 4711 (sqlite3 mlflow.db)". Return "" if there are none."""
    return " and ".join(f"process {pid} ({_describe_command(pid)})" for pid in find_holders(path))


def find_holders(path: Path) -> list[int]:
    """Return the ids of other processes that hold a lock on a file or, if it is not locked, have it open."""
    holders = _find_locking_processes(path) or _find_opening(path)
    return sorted(holders - {os.getpid()})


def _find_locking_processes(path: Path) -> set[int]:
    if not LOCKS.is_file() or not path.is_file():
        return set()
    found = path.stat()
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    # The columns are number, kind, mode, access, process, file, first byte and last byte.
    lines = [line.split() for line in LOCKS.read_text().splitlines()]
    pids = {int(words[4]) for words in lines if words[1] != "->" and words[5] == file}
    return {pid for pid in pids if pid > 0}  # 0 stands for a process in another container


def _find_opening(path: Path) -> set[int]:
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # the process ended, or belongs to another user
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
    """Return the name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in many containers
        return f"user {os.getuid()}"
