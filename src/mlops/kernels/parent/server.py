"""The server in a parent of warm kernels. It answers clients and forks processes for them."""

import contextlib
import math
import os
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mlops.kernels.messages import Channel, Message, MessageError
from mlops.kernels.parent import child
from mlops.kernels.parent.forks import Fork, Forks, Waiting, close_all
from mlops.kernels.parent.importer import Importer, count_threads, log
from mlops.kernels.request import COMMAND, Request, read_request
from mlops.kernels.socket_folder import LIMITS, lock

LOOK_SECONDS = 5.0  # seconds between two checks of the clock and of the socket's file
QUIET_SECONDS = 2.0  # modules that no kernel waits for are imported once no fork has started or ended for this time

Job = Callable[[], int]


class ParentServer:
    """The server of a parent of warm kernels.

    Parameters
    ----------
    listener : socket
        The socket that clients connect to.
    path : str
        The path of the socket. If the socket is deleted, the parent ends as soon as it is idle.
    idle_seconds : float
        The idle time, in seconds, after which the parent ends.
    importer : Importer
        The importer of the modules.
    """

    def __init__(self, listener: socket.socket, path: str, idle_seconds: float, importer: Importer) -> None:
        self._listener = listener
        self._path = Path(path)
        self._idle_seconds = idle_seconds
        self._importer = importer
        self._file = self._path.stat().st_ino
        self._pid = os.getpid()
        self._began = self._last = self._last_fork = time.monotonic()
        self._over = False
        self._asked = False
        self._forked = False
        self._surplus = False
        self._forks = Forks()
        self._channels: dict[int, Channel] = {}  # channels by their file descriptor
        self._selector = selectors.PollSelector()
        listener.setblocking(False)
        self._watch(listener.fileno(), self._accept)

    def follow(self, owner: int) -> None:
        """Make this parent end when the process with the id `owner` ends.

        Raises
        ------
        ProcessLookupError
            If the process with the id `owner` already ended.
        """
        self._watch(os.pidfd_open(owner), self._lose_owner)

    def serve(self) -> Job | None:
        """Import modules and serve clients until the parent is idle for `idle_seconds` or must end for another reason.

        Returns
        -------
        callable or None
            In a fork, the function that the fork must run. In the parent, None.
        """
        while not self._over and not self._is_idle():
            rest = self._count_seconds_to_import()
            for key, _ in self._selector.select(min(rest, LOOK_SECONDS, self._idle_seconds)):
                # An earlier event may have closed the connection.
                if self._selector.get_map().get(key.fd) is key and (job := key.data()):
                    return job
            if self._count_seconds_to_import() == 0 and (job := self._import_next_and_fork()):
                return job
        self._forks.kill_all()
        with lock(self._path.parent):
            if self._owns_file():
                self._path.unlink()
                self._path.with_suffix(".log").unlink()
        return None

    def _count_seconds_to_import(self) -> float:
        # A request for a fork cannot interrupt an import, so an import that no kernel needs waits for a quiet time.
        if not self._importer.pending:
            return math.inf
        if self._forks.waiting or self._importer.is_expected or not self._asked:
            return 0.0
        return max(0.0, self._last_fork + QUIET_SECONDS - time.monotonic())

    def _import_next_and_fork(self) -> Job | None:
        # While there are forks, the parent must not end, because they would end, too. The first fork does not wait for
        # the first-time work of modules, because its notebook may not need it. The parent does this work afterwards.
        self._importer.import_next(end_if_late=not self._forks, rehearse=self._forked)
        if not self._importer.pending:
            self._last = time.monotonic()
        for waiting in list(self._forks.waiting):
            if self._importer.find_missing(waiting.request.needs, rehearsed=self._forked):
                continue
            self._forks.waiting.remove(waiting)
            try:
                if job := self._fork(waiting.channel, waiting.request, waiting.files):
                    return job
            except MessageError as error:
                self._drop_channel(waiting.channel, str(error))
        return None

    def _watch(self, descriptor: int, handle: Callable[[], Job | None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, handle)

    def _is_idle(self) -> bool:
        if self._forks or self._channels or (self._importer.pending and self._owns_file()):
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
        problem = self._importer.problem
        self._answer(
            channel, {"problem": problem} if problem else {"pid": self._pid, "pending": self._importer.pending}
        )

    def _hear(self, channel: Channel) -> Job | None:
        try:
            message = channel.wait(0)
            return self._obey(channel, message) if message else None
        except MessageError as error:
            self._drop_channel(channel, str(error))
        return None

    def _obey(self, channel: Channel, message: Message) -> Job | None:
        asked = message.content.get("ask")
        if asked == "fork":
            return self._fork_or_wait(channel, message)
        close_all(message.files)
        if asked == "status":
            self._answer(channel, self._describe())
            return None
        if asked == "end":
            log("more parents are alive than kernels.parents allows; this one ends when it is idle")
            self._surplus = True
            return None
        raise MessageError(f"the request {asked!r} is unknown")

    def _describe(self) -> dict[str, Any]:
        now = time.monotonic()
        return {
            "age": now - self._began,
            "idle": now - self._last,
            "threads": count_threads(),
            "forks": self._forks.list(),
            "pending": self._importer.pending,
            "problem": self._importer.problem,
        }

    def _fork_or_wait(self, channel: Channel, message: Message) -> Job | None:
        try:
            request = self._check(channel, message)
        except MessageError as error:
            close_all(message.files)
            raise MessageError(f"the parent could not fork: {error}") from error
        self._asked = True
        self._last_fork = time.monotonic()
        self._importer.expect(request.expected)
        if missing := self._importer.find_missing(request.needs, rehearsed=self._forked):
            self._importer.prefer(missing)
            self._forks.waiting.append(Waiting(channel, request, message.files))
            return None
        return self._fork(channel, request, message.files)

    def _fork(self, channel: Channel, request: Request, files: tuple[int, ...]) -> Job | None:
        imports = self._importer.describe()
        problem, pid = imports.problem, -1
        try:
            pid = -1 if problem else os.fork()
        except OSError as error:
            advice = LIMITS.get(error.errno or 0, "")
            problem = f"The parent of the warm kernels could not start a process: {error.strerror}. {advice}".strip()
        if problem:
            close_all(files)
            self._answer(channel, {"problem": problem})
            raise MessageError(f"the parent could not fork: {problem}")
        if pid == 0:
            self._close_inherited()
            return partial(child.run, request, files, self._pid, imports)
        close_all(files)
        self._forked = True
        self._last_fork = time.monotonic()
        pidfd = self._forks.add(Fork(pid, request.kind, channel))
        self._watch(pidfd, partial(self._reap, pidfd))
        self._answer(channel, {"pid": pid}, pidfd)
        return None

    def _check(self, channel: Channel, message: Message) -> Request:
        request = read_request(message.content)
        if self._forks.serves(channel):
            raise MessageError("this connection already has a fork")
        expected = 3 if request.kind == COMMAND else 4
        if len(message.files) != expected:
            raise MessageError(f"the request came with {len(message.files)} files, not {expected}")
        return request

    def _reap(self, pidfd: int) -> None:
        self._last = self._last_fork = time.monotonic()
        self._selector.unregister(pidfd)
        channel, code = self._forks.reap(pidfd)
        if channel:
            self._answer(channel, {"exit": code})
            self._drop_channel(channel)

    def _answer(self, channel: Channel, content: dict[str, Any], *files: int) -> None:
        try:
            channel.send(content, files)
        except OSError as error:
            self._drop_channel(channel, str(error))

    def _drop_channel(self, channel: Channel, reason: str = "") -> None:
        if self._channels.pop(channel.fileno(), None) is None:
            return
        self._selector.unregister(channel.fileno())
        channel.close()
        self._forks.drop(channel, reason)

    def _close_inherited(self) -> None:
        for descriptor in map(int, self._selector.get_map()):  # type: ignore[arg-type]
            if descriptor not in (self._listener.fileno(), *self._channels):
                os.close(descriptor)  # this descriptor is a pidfd
        self._forks.close_waiting()
        for channel in self._channels.values():
            channel.close()
        self._listener.close()
