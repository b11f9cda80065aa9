"""A check whether the parent of warm kernels cannot answer because it is stopped, for example by a debugger."""

import time
from pathlib import Path
from typing import NamedTuple

from mlops.kernels.messages import Channel, Message
from mlops.kernels.socket_folder import UnavailableError

LOOK_SECONDS = 1.0  # seconds between two checks whether a parent is stopped
STATE, PARENT, WAIT_STATUS = 0, 1, 49  # the places of these fields in /proc/<pid>/stat, after the name of the process


class ProcessStatus(NamedTuple):
    """The status of a process: its state ("T" if stopped), its parent's id, and its exit status, as in `os.wait`."""

    state: str
    parent: int
    wait_status: int


def read_status(pid: int) -> ProcessStatus | None:
    """Return the status of a process, or None if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return ProcessStatus(fields[STATE], int(fields[PARENT]), int(fields[WAIT_STATUS]))


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped."""
    status = read_status(pid)
    return status is not None and status.state in ("T", "t")


def explain_stop(pid: int) -> str:
    """Return a message, with advice, for a stopped parent of warm kernels, whose process id is `pid`."""
    return (
        f"The parent of the warm kernels, process {pid}, is stopped. Continue it with `kill -CONT {pid}`, or end it "
        "with `mlops kernels --stop`."
    )


def wait_for_parent(channel: Channel, seconds: float, parent: int) -> Message | None:
    """Return the next message from the process `parent`, or None if none arrives within `seconds`.

    Raises
    ------
    MessageError
        If the parent closed the connection, or sent something that is not a message.
    UnavailableError
        If the parent is stopped.
    """
    deadline = time.monotonic() + seconds
    left = seconds
    while (message := channel.wait(min(left, LOOK_SECONDS))) is None:
        if is_stopped(parent):
            raise UnavailableError(explain_stop(parent))
        left = max(0.0, deadline - time.monotonic())
        if not left:
            return None
    return message
