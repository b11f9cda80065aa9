"""The socket that listens for connections, and the handover of connections from one server to the next."""

# Both servers listen on the same port. Linux gives each of the sockets its own queue of connections, and resets the
# connections that are still in the queue when a socket closes. So before a socket closes, the kernel is told to give
# new connections only to the other server, and the queue of the socket is emptied.

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

from ..failures import StartFailed

SO_ATTACH_REUSEPORT_CBPF = 51  # from asm-generic/socket.h, because Python has no name for this option
RETURN_CONSTANT = 0x06  # BPF_RET | BPF_K


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the port, even while the previous server still listens on it.

    Raises
    ------
    StartFailed
        If the port cannot be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # otherwise, an answer waits 40 ms for an ACK
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        said = f"Could not use port {port} ({error.strerror}). Choose another port, or 0 for any free port."
        raise StartFailed(said) from error
    return listener


def direct_connections(listener: socket.socket, place: int) -> None:
    """Tell the kernel to give new connections to one of the sockets that listen on the port.

    Parameters
    ----------
    listener : socket
        Any of these sockets.
    place : int
        The place of the chosen socket, 0 or 1, in the order in which the sockets began to listen. If there is no such
        socket, the kernel distributes the connections over all sockets.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(struct.pack("HBBI", RETURN_CONSTANT, 0, 0, place))
        filter_ = struct.pack("HL", 1, ctypes.addressof(program))
        with suppress(OSError):  # raised by old kernels, which distribute the connections
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, filter_)


def accept_waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Accept and yield the connections that wait in the queue of a non-blocking socket."""
    with suppress(OSError):  # the queue is empty, or the socket was shut down
        while True:
            yield listener.accept()[0]
