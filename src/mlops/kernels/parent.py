"""The parent process: imports once, then forks kernels and commands on request.

It has one thread, no zmq context and no signal handlers.

.. code-block:: text

    client                               parent
    connects                 ->          (may still be importing)
                             <-          {"pid": ...} or {"problem": ...}
    {"ask": "fork", ...} + files ->      forks
                             <-          {"pid": ...} + pidfd
                             <-          {"exit": code}

If a connection closes, its fork is killed.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlops.kernels import child
from mlops.kernels.messages import Channel, Message, MessageError
from mlops.kernels.preload import MACHINERY, Imports, count_threads, import_modules, log
from mlops.kernels.request import COMMAND, Request, read_request
from mlops.kernels.socket_folder import lock

LOOK_SECONDS = 5.0  # pause between two checks of the clock and of the socket's file

Job = Callable[[], int]


@dataclass
class Fork:
    """A forked process: its id, its kind, and the client's channel while that is open."""

    pid: int
    kind: str
    channel: Channel | None


class Parent:
    """A parent process, which serves the clients of one socket.

    Parameters
    ----------
    listener : socket
        The socket that clients connect to.
    path : str
        Its file. Once that is deleted, no client can connect any more.
    idle_seconds : float
        How long to wait for a client.
    imports : Imports
        The state that the imports left behind.
    """

    def __init__(self, listener: socket.socket, path: str, idle_seconds: float, imports: Imports) -> None:
        self._listener = listener
        self._path = Path(path)
        self._idle_seconds = idle_seconds
        self._imports = imports
        self._file = self._path.stat().st_ino
        self._pid = os.getpid()
        self._began = self._last = time.monotonic()
        self._over = False
        self._surplus = False
        self._forks: dict[int, Fork] = {}  # forks by their pidfd
        self._channels: dict[int, Channel] = {}  # channels by their descriptor
        self._selector = selectors.PollSelector()
        listener.setblocking(False)
        self._watch(listener.fileno(), self._accept)

    def follow(self, owner: int) -> None:
        """End together with the process `owner`.

        Raises
        ------
        ProcessLookupError
            If that process already ended.
        """
        self._watch(os.pidfd_open(owner), self._lose_owner)

    def serve(self) -> Job | None:
        """Serve until no work is left.

        Returns
        -------
        callable or None
            In a fork, the function that it runs. In the parent, None when it ends.
        """
        while not self._over and not self._is_idle():
            for key, _ in self._selector.select(min(LOOK_SECONDS, self._idle_seconds)):
                # An earlier event may have closed the connection.
                if self._selector.get_map().get(key.fd) is key and (job := key.data()):
                    return job
        for fork in self._forks.values():
            _kill_group(fork.pid)
        with lock(self._path.parent):
            if self._owns_file():
                self._path.unlink()
                self._path.with_suffix(".log").unlink()
        return None

    def _watch(self, descriptor: int, handle: Callable[[], Job | None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, handle)

    def _is_idle(self) -> bool:
        if self._forks or self._channels:
            return False
        return self._surplus or time.monotonic() - self._last >= self._idle_seconds or not self._owns_file()

    def _owns_file(self) -> bool:
        with contextlib.suppress(OSError):
            return self._path.stat().st_ino == self._file
        return False

    def _lose_owner(self) -> None:
        log("the owner ended")
        self._over = True

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            log(f"a client could not connect: {error}")
            return
        connection.setblocking(False)
        channel = Channel(connection)
        self._channels[channel.fileno()] = channel
        self._watch(channel.fileno(), partial(self._hear, channel))
        self._answer(channel, {"problem": self._imports.problem} if self._imports.problem else {"pid": self._pid})

    def _hear(self, channel: Channel) -> Job | None:
        try:
            message = channel.wait(0)
            return self._obey(channel, message) if message else None
        except MessageError as error:
            self._drop(channel, str(error))
        return None

    def _obey(self, channel: Channel, message: Message) -> Job | None:
        asked = message.content.get("ask")
        if asked == "fork":
            return self._fork(channel, message)
        for file in message.files:
            os.close(file)
        if asked == "status":
            self._answer(channel, self._describe())
            return None
        if asked == "end":
            log("more parents are alive than kernels.parents allows; this one ends when it is idle")
            self._surplus = True
            return None
        raise MessageError(f"the request {asked!r} is unknown")

    def _describe(self) -> dict[str, Any]:
        forks = [(fork.pid, fork.kind) for fork in self._forks.values()]
        now = time.monotonic()
        return {"age": now - self._began, "idle": now - self._last, "threads": count_threads(), "forks": forks}

    def _fork(self, channel: Channel, message: Message) -> Job | None:
        try:
            request = self._check(channel, message)
            pid = os.fork()
        except (MessageError, OSError) as error:
            for file in message.files:
                os.close(file)
            raise MessageError(f"the parent could not fork: {error}") from error
        if pid == 0:
            self._close()
            return partial(child.run, request, message.files, self._pid, self._imports)
        for file in message.files:
            os.close(file)
        pidfd = os.pidfd_open(pid)
        self._forks[pidfd] = Fork(pid, request.kind, channel)
        self._watch(pidfd, partial(self._reap, pidfd))
        self._answer(channel, {"pid": pid}, pidfd)
        return None

    def _check(self, channel: Channel, message: Message) -> Request:
        request = read_request(message.content)
        if self._imports.problem:
            raise MessageError(self._imports.problem)
        if any(fork.channel is channel for fork in self._forks.values()):
            raise MessageError("this connection already has a fork")
        expected = 3 if request.kind == COMMAND else 4
        if len(message.files) != expected:
            raise MessageError(f"the request came with {len(message.files)} files, not {expected}")
        return request

    def _reap(self, pidfd: int) -> None:
        fork = self._forks.pop(pidfd)
        self._last = time.monotonic()
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(fork.pid, 0)
        if fork.channel:
            self._answer(fork.channel, {"exit": os.waitstatus_to_exitcode(status)})
            self._drop(fork.channel)

    def _answer(self, channel: Channel, content: dict[str, Any], *files: int) -> None:
        try:
            channel.send(content, files)
        except OSError as error:
            self._drop(channel, str(error))

    def _drop(self, channel: Channel, reason: str = "") -> None:
        """Close a connection and kill its fork."""
        if self._channels.pop(channel.fileno(), None) is None:
            return
        self._selector.unregister(channel.fileno())
        channel.close()
        for fork in self._forks.values():
            if fork.channel is channel:
                fork.channel = None
                log(f"killed fork {fork.pid}: {reason}")
                _kill_group(fork.pid)

    def _close(self) -> None:
        """Close the copies of the parent's descriptors in a fork."""
        for descriptor in map(int, self._selector.get_map()):  # type: ignore[arg-type]
            if descriptor not in (self._listener.fileno(), *self._channels):
                os.close(descriptor)  # the descriptor is a pidfd
        for channel in self._channels.values():
            channel.close()
        self._listener.close()


def _kill_group(pid: int) -> None:
    """Kill a fork that was not waited for yet, and the processes that it started."""
    for kill in (os.killpg, os.kill):  # right after the fork it does not have its own group yet
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _live(order: dict[str, Any]) -> Job | None:
    """Import the modules that the client's order lists, then serve."""
    listener = socket.socket(fileno=order["listener"])
    listener.set_inheritable(False)
    listener.listen(128)  # again, because clients see the last process that listened as their peer
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.alarm(order["import_seconds"])  # ends this process if an import hangs
    imports = import_modules([*MACHINERY, *order["preload"]], order["own"])
    signal.alarm(0)
    if imports.problem:
        log(imports.problem)
    parent = Parent(listener, order["path"], order["idle_seconds"], imports)
    if order["owner"]:
        parent.follow(order["owner"])
    _flush()
    gc.freeze()
    return parent.serve()


def _flush() -> None:
    """Flush what modules printed during their import; otherwise each fork would print it again."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    ctypes.CDLL(None).fflush(None)


def main() -> None:
    """Leave the client's process tree, then serve. A fork also ends here."""
    if os.fork():
        os._exit(0)  # the client waits for this process, so no zombie remains
    del sys.path[0]  # the folder in which -m found this module
    os.chdir("/")
    gc.disable()
    job = _live(json.loads(sys.argv[1]))
    os._exit(job() if job else 0)


if __name__ == "__main__":
    main()
