"""Messages between a parent of warm kernels and its clients: JSON, with file descriptors, over a Unix socket."""

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
PEER = struct.Struct("3i")  # the process id, user id and group id of the other side
LONGEST = 16 * 2**20  # maximum size of a message in bytes; environment variables take at most a few megabytes
MOST_FILES = 8
FORK_SECONDS = 20  # time limit in seconds for a parent to receive a request and fork


class MessageError(Exception):
    """The process at the other end closed the connection, or sent something that is not a message."""


@dataclass(frozen=True)
class Message:
    """A message that was received, with its attached files.

    Parameters
    ----------
    content : dict
        The JSON object.
    files : tuple of int
        The attached file descriptors. The receiver of the message must close them.
    """

    content: dict[str, Any]
    files: tuple[int, ...] = ()


class Channel:
    """One end of a connection between a parent of warm kernels and a client."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._bytes = bytearray()
        self._files: list[int] = []

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a message arrives or the other end closes the connection."""
        return self._socket.fileno()

    def find_peer(self) -> int:
        """Return the id of the process at the other end of the connection."""
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
        return int(PEER.unpack(credentials)[0])

    def send(self, content: Mapping[str, Any], files: Sequence[int] = ()) -> None:
        """Send one message.

        Raises
        ------
        OSError
            If the other end closed the connection or does not read.
        """
        text = json.dumps(content).encode()
        frame = HEAD.pack(len(text)) + text
        attached = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        sent = self._socket.sendmsg([frame], attached)
        if sent < len(frame):  # the other side may have answered and closed the connection already
            self._socket.sendall(frame[sent:])

    def wait(self, seconds: float | None) -> Message | None:
        """Wait up to `seconds` for a message; forever if `seconds` is None.

        Returns
        -------
        Message or None
            The message, or None if no complete message arrived in time.

        Raises
        ------
        MessageError
            If the other end closed the connection, or sent something that is not a message.
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
        """Close the connection, and the files that are attached to unread messages."""
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
            raise MessageError(f"the message has more than {MOST_FILES} files attached")
        if not data:
            raise MessageError("the other side closed the connection")
        self._bytes += data

    def _take(self) -> Message | None:
        if len(self._bytes) < HEAD.size:
            return None
        (length,) = HEAD.unpack_from(self._bytes)
        if length > LONGEST:
            raise MessageError(f"the message has {length} bytes, but at most {LONGEST} are allowed")
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
    """Connect to a socket, and return the channel, or None if no process listens on the socket."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    connection.settimeout(FORK_SECONDS)  # time limit for sending, in seconds
    return Channel(connection)
