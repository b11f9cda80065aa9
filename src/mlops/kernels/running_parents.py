"""Functions that list or stop this user's parents of warm kernels, or say why parents failed to start."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlops.kernels.leftovers import belongs_here
from mlops.kernels.messages import Channel, Message, MessageError, open_channel
from mlops.kernels.parent_client import is_recent
from mlops.kernels.socket_folder import find_folder
from mlops.kernels.stopped import explain_stop, is_stopped

ANSWER_SECONDS = 2.0
END_SECONDS = 10.0


@dataclass(frozen=True)
class RunningFork:
    """A forked kernel or command: its process id, its kind, and its memory in bytes (proportional set size, PSS)."""

    pid: int
    kind: str
    memory: int


@dataclass(frozen=True)
class RunningParent:
    """A running parent of warm kernels.

    Parameters
    ----------
    pid : int
        The process id.
    key : str
        The name of the parent's key; see `mlops.kernels.key.Key`.
    path : Path
        The path of the socket.
    age : float
        The time since the start of the parent, in seconds.
    memory : int
        The memory of the parent in bytes (proportional set size, PSS).
    forks : tuple of RunningFork
        The running forks of the parent.
    ready : bool
        Whether the parent has finished its imports.
    problem : str
        The reason why the parent cannot fork, and what to do; empty if it can fork.
    python : str
        The path of the parent's interpreter.
    """

    pid: int
    key: str
    path: Path
    age: float
    memory: int
    forks: tuple[RunningFork, ...]
    ready: bool
    problem: str
    python: str


def list_parents(seconds: float = ANSWER_SECONDS) -> list[RunningParent]:
    """Return the running parents of warm kernels, the oldest first. Wait up to `seconds` for each parent to answer."""
    found = []
    for path in find_folder().glob("*.sock"):
        if channel := open_channel(path):
            with contextlib.suppress(MessageError, OSError, psutil.NoSuchProcess):  # the parent ended in the meantime
                found.append(_describe(path, channel, seconds))
            channel.close()
    return sorted(found, key=lambda parent: parent.age, reverse=True)


def list_failed_starts() -> list[str]:
    """Return, for this checkout, a message for each parent of warm kernels that recently failed to start."""
    notes = [path for path in sorted(find_folder().glob("*.failed")) if belongs_here(path.with_suffix(".log"))]
    return [path.read_text() for path in notes if is_recent(path)]


def stop_parents(python: str = "") -> list[RunningParent]:
    """Stop the parents of warm kernels and all their kernels, and return the stopped parents.

    If `python`, the path of an interpreter, is given, only the parents with this interpreter are stopped.
    """
    parents = [parent for parent in list_parents() if python in ("", parent.python)]
    for parent in parents:
        with contextlib.suppress(ProcessLookupError):
            os.kill(parent.pid, signal.SIGTERM)  # when a parent ends, Linux kills its forks
            os.kill(parent.pid, signal.SIGCONT)  # a stopped parent ends when it continues
    deadline = time.monotonic() + END_SECONDS
    pids = [pid for parent in parents for pid in (parent.pid, *(fork.pid for fork in parent.forks))]
    while any(_is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    for path in (*(parent.path for parent in parents), *find_folder().glob("*.failed")):
        path.unlink(missing_ok=True)
    return parents


def _describe(path: Path, channel: Channel, seconds: float) -> RunningParent:
    greeting = channel.wait(seconds)
    if greeting:
        channel.send({"ask": "status"})
    status = channel.wait(seconds) if greeting else None
    pid = channel.find_peer()
    return RunningParent(
        pid=pid,
        key=path.stem,
        path=path,
        age=time.time() - psutil.Process(pid).create_time(),
        memory=_measure(pid),
        forks=_list_forks(status),
        ready=status is not None and not status.content.get("pending"),  # parents of older versions do not report it
        problem=_find_problem(status)
        or _find_problem(greeting)  # older parents report it only in the greeting
        or (explain_stop(pid) if is_stopped(pid) else ""),
        python=psutil.Process(pid).cmdline()[0],
    )


def _find_problem(message: Message | None) -> str:
    return str(message.content.get("problem", "")) if message else ""


def _list_forks(status: Message | None) -> tuple[RunningFork, ...]:
    found = []
    for pid, kind in status.content.get("forks", ()) if status else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(RunningFork(pid, kind, _measure(pid)))
    return tuple(found)


def _measure(pid: int) -> int:
    return int(psutil.Process(pid).memory_full_info().pss)


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
