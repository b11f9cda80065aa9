"""The handover of a port between two sockets that listen on it."""

import select
import socket
from contextlib import ExitStack

import pytest

from mlops.serving.connections.listener import accept_waiting, bind, direct_connections
from mlops.serving.failures import StartFailed


def listen(stack: ExitStack, port: int = 0) -> socket.socket:
    """Listen on a port on which another socket may listen."""
    listener = stack.enter_context(bind("127.0.0.1", port))
    listener.listen(100)
    listener.setblocking(False)
    return listener


def connect(stack: ExitStack, listener: socket.socket, count: int) -> list[socket.socket]:
    """Connect several clients."""
    return [stack.enter_context(socket.create_connection(listener.getsockname())) for _ in range(count)]


def test_the_connections_in_the_queue_are_accepted() -> None:
    with ExitStack() as stack:
        listener = listen(stack)
        clients = connect(stack, listener, 5)
        accepted = [stack.enter_context(found) for found in accept_waiting(listener)]
        assert [found.getpeername() for found in accepted] == [client.getsockname() for client in clients]
        assert [*accept_waiting(listener)] == []


@pytest.mark.parametrize("place", [0, 1])
def test_all_new_connections_go_to_one_of_two_sockets(place: int) -> None:
    with ExitStack() as stack:
        old = listen(stack)
        new = listen(stack, old.getsockname()[1])
        direct_connections(old, place)
        connect(stack, old, 50)
        counts = [len([*accept_waiting(listener)]) for listener in (old, new)]
        assert counts == ([50, 0] if place == 0 else [0, 50])
        (old, new)[place].close()
        rest = (new, old)[place]
        connect(stack, rest, 5)
        assert select.select([rest], [], [], 10)[0]
        assert len([*accept_waiting(rest)]) == 5


def test_a_port_of_another_program_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            StartFailed, match=rf"^Could not use port {port} \(Address already in use\)\. Choose another"
        ):
            bind("127.0.0.1", port)
