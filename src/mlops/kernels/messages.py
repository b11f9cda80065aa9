"""Messages between a parent and its clients: JSON with open files attached, over a Unix socket."""

import array
import json
import os
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = struct.Struct("!I")
PEER = struct.Struct("3i")  # process, user, group
LONGEST = 16 * 2**20  # bytes; an environment has at most a few megabytes
MOST_FILES = 8
FORK_SECONDS = 20  # for a parent to take a request, and to fork


class MessageError(Exception):
    """The other side is gone, or sends what is no message."""


@dataclass(frozen=True)
class Message:
    """What came over a channel.

    Parameters
    ----------
    content : dict
        The JSON object.
    files : tuple of int
        File descriptors that came with it; whoever takes the message closes them.
    """

    content: dict[str, Any]
    files: tuple[int, ...] = ()


class Channel:
    """One connection. Never blocks for longer than it is asked to."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._bytes = bytearray()
        self._files: list[int] = []

    def fileno(self) -> int:
        """Return the descriptor; it is readable when a message has come or the other side is gone."""
        return self._socket.fileno()

    def find_peer(self) -> int:
        """Return the process that listens on the other side."""
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
        return int(PEER.unpack(credentials)[0])

    def send(self, content: Mapping[str, Any], files: Sequence[int] = ()) -> None:
        """Send one message.

        Raises
        ------
        OSError
            If the other side is gone or does not read.
        """
        text = json.dumps(content).encode()
        frame = HEAD.pack(len(text)) + text
        attached = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        sent = self._socket.sendmsg([frame], attached)
        if sent < len(frame):  # the other side may have answered and closed already
            self._socket.sendall(frame[sent:])

    def wait(self, seconds: float | None) -> Message | None:
        """Wait for one message.

        Returns
        -------
        Message or None
            None if none is complete in time.

        Raises
        ------
        MessageError
            If the other side is gone, or has sent something else.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while (message := self._take()) is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not poll.poll(None if left is None else left * 1000):
                return None
            self._fill()
        return message

    def close(self) -> None:
        """Close the connection, and the files that nobody has taken."""
        self._socket.close()
        for file in self._files:
            os.close(file)
        self._files.clear()

    def _fill(self) -> None:
        try:
            data, files, flags, _ = socket.recv_fds(self._socket, 2**16, MOST_FILES, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise MessageError(f"the connection broke: {error}") from error
        self._files += files
        if flags & socket.MSG_CTRUNC or len(self._files) > MOST_FILES:
            raise MessageError("too many files came with the message")
        if not data:
            raise MessageError("the other side has closed the connection")
        self._bytes += data

    def _take(self) -> Message | None:
        if len(self._bytes) < HEAD.size:
            return None
        (length,) = HEAD.unpack_from(self._bytes)
        if length > LONGEST:
            raise MessageError(f"a message of {length} bytes is too long")
        if len(self._bytes) < HEAD.size + length:
            return None
        text = bytes(self._bytes[HEAD.size : HEAD.size + length])
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MessageError(f"{text[:40]!r} is not JSON") from error
        if not isinstance(content, dict):
            raise MessageError(f"{text[:40]!r} is not a JSON object")
        files = tuple(self._files)
        del self._bytes[: HEAD.size + length]
        self._files.clear()
        return Message(content, files)


def open_channel(path: Path) -> Channel | None:
    """Connect to a socket; None if nobody listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    connection.settimeout(FORK_SECONDS)  # for what is sent
    return Channel(connection)
