"""The socket that listens for connections, and its handover from one server to the next."""

# Both servers listen on the same port. Linux gives each of the sockets its own queue of connections, and resets the
# connections that are still in the queue when a socket closes. So the kernel is told to give new connections only to
# the other server, and then the queue is emptied before the socket closes.

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

SO_ATTACH_REUSEPORT_CBPF = 51  # asm-generic/socket.h; Python has no name for it
RETURN_CONSTANT = 0x06  # BPF_RET | BPF_K


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the port, even while the previous server still listens on it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # otherwise, an answer waits 40 ms for an ACK
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        sys.exit(f"Could not use port {port} ({error.strerror}). Choose another port, or 0 for any free port.")
    return listener


def direct_connections(listener: socket.socket, place: int) -> None:
    """Have the kernel give new connections to one of the sockets that listen on the port.

    Parameters
    ----------
    listener : socket
        One of these sockets.
    place : int
        The place of the chosen socket in the order in which they began to listen: 0 or 1. If there is no such socket,
        the kernel distributes the connections.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(struct.pack("HBBI", RETURN_CONSTANT, 0, 0, place))
        filter_ = struct.pack("HL", 1, ctypes.addressof(program))
        with suppress(OSError):  # an old kernel, which distributes the connections
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, filter_)


def accept_waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Yield the connections in the queue of a socket that does not block."""
    with suppress(OSError):  # the queue is empty, or the socket was shut down
        while True:
            yield listener.accept()[0]
