"""The state of another process: whether it runs, and its memory."""

import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def is_running(pid: int) -> bool:
    """Return whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def measure_memory(pid: int) -> int:
    """Return the memory that a process uses, in bytes; 0 if the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
