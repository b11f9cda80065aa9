"""The running forks of a parent of warm kernels, and the requests that wait until packages are imported."""

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass

from mlops.kernels.messages import Channel
from mlops.kernels.parent.importer import log
from mlops.kernels.request import Request


@dataclass(frozen=True)
class Waiting:
    """A waiting request: the parent will fork a process once it has imported the packages that the process needs.

    Parameters
    ----------
    channel : Channel
        The connection to the client.
    request : Request
        The request.
    files : tuple of int
        The file descriptors that came with the request. The parent must close them.
    """

    channel: Channel
    request: Request
    files: tuple[int, ...]


@dataclass
class Fork:
    """A process that a parent forked for a client.

    Parameters
    ----------
    pid : int
        The process id.
    kind : str
        The kind of the process: "kernel" or "command".
    channel : Channel, optional
        The connection to the client. None if it is closed.
    """

    pid: int
    kind: str
    channel: Channel | None


class Forks:
    """The running forks of a parent, and the requests that wait until packages are imported."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        self._running: dict[int, Fork] = {}

    def __bool__(self) -> bool:
        return bool(self._running)

    def add(self, fork: Fork) -> int:
        """Add a process that was just forked, and return its process file descriptor (pidfd)."""
        pidfd = os.pidfd_open(fork.pid)
        self._running[pidfd] = fork
        return pidfd

    def reap(self, pidfd: int) -> tuple[Channel | None, int]:
        """Remove a fork that ended. Return its connection (None if closed) and its exit code."""
        fork = self._running.pop(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(fork.pid, 0)
        return fork.channel, os.waitstatus_to_exitcode(status)

    def serves(self, channel: Channel) -> bool:
        """Return whether the client of the connection `channel` has a running fork or a waiting request."""
        owners = [fork.channel for fork in self._running.values()] + [waiting.channel for waiting in self.waiting]
        return any(owner is channel for owner in owners)

    def drop(self, channel: Channel, reason: str) -> None:
        """Kill the fork of a connection, and log the `reason`. Discard the connection's waiting request, if any."""
        for fork in self._running.values():
            if fork.channel is channel:
                fork.channel = None
                log(f"killed fork {fork.pid}: {reason}")
                _kill_group(fork.pid)
        for waiting in self.waiting:
            if waiting.channel is channel:
                close_all(waiting.files)
        self.waiting = [waiting for waiting in self.waiting if waiting.channel is not channel]

    def list(self) -> list[tuple[int, str]]:
        """Return the process id and the kind of each fork."""
        return [(fork.pid, fork.kind) for fork in self._running.values()]

    def kill_all(self) -> None:
        """Kill all forks."""
        for fork in self._running.values():
            _kill_group(fork.pid)

    def close_waiting(self) -> None:
        """Close the file descriptors of waiting requests."""
        for waiting in self.waiting:
            close_all(waiting.files)


def close_all(files: Iterable[int]) -> None:
    for file in files:
        os.close(file)


def _kill_group(pid: int) -> None:
    """Kill a fork and the processes that it started. The exit code of the fork must not have been collected yet."""
    for kill in (os.killpg, os.kill):  # a new fork may not have its own process group yet
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
