"""A server that shuts down: it finishes what has begun, and clients that keep their connections see no error."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from server_process import ANSWER, Gate, ServerProcess, exchange, make_request, read_answer, read_rest, start_server

GET = make_request(b"GET", b"/readyz", b"")


@contextmanager
def start_confirmed(folder: Path, *options: str, **more: str) -> Iterator[ServerProcess]:
    """Start a server that its starter has recorded."""
    with start_server(folder, *options, **more) as server:
        assert server.popen.stdin
        server.popen.stdin.write(b"confirmed\n")
        server.popen.stdin.flush()
        yield server


def test_a_kept_connection_ends_after_its_next_answer(tmp_path: Path) -> None:
    with start_confirmed(tmp_path, "--drain-seconds", "60") as server, server.connect() as client:
        assert "connection" not in exchange(client, make_request())[1]
        server.popen.terminate()
        while server.listens():
            pass
        status, headers, body = exchange(client, make_request())
        assert (status, headers["connection"], body) == (200, "close", ANSWER)
        assert read_rest(client) == b""
        assert server.popen.wait(20) == 0


def test_a_connection_that_is_idle_for_long_ends(tmp_path: Path) -> None:
    with start_confirmed(tmp_path, "--drain-seconds", "0.3") as server, ExitStack() as stack:
        used, unused = (stack.enter_context(server.connect()) for _ in range(2))
        assert exchange(used, GET)[0] == 200
        server.popen.terminate()
        assert (read_rest(used), read_rest(unused)) == (b"", b"")
        assert server.popen.wait(20) == 0


def test_a_draining_server_is_not_ready(tmp_path: Path) -> None:
    with start_confirmed(tmp_path) as server, server.connect() as client:
        assert exchange(client, GET)[0] == 200
        server.popen.terminate()
        while server.listens():
            pass
        status, headers, _ = exchange(client, GET)
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")


def test_what_has_arrived_before_the_end_is_answered(tmp_path: Path) -> None:
    """While the script blocks the server, requests arrive on old connections, and connections wait to be accepted."""
    gate = Gate(tmp_path)
    with start_confirmed(tmp_path, "--drain-seconds", "0.3", script=gate.script) as server, ExitStack() as stack:
        old = [stack.enter_context(server.connect()) for _ in range(2)]
        for client in old:
            assert exchange(client, GET)[0] == 200
        gate.block(old[0])
        new = [stack.enter_context(server.connect()) for _ in range(40)]
        for client in (old[1], *new):
            client.sendall(make_request() * 3)
        server.popen.terminate()
        gate.open()
        assert read_answer(old[0])[0] == 200
        for client in (old[1], *new):
            assert [read_answer(client)[2] for _ in range(3)] == [ANSWER] * 3
        assert server.popen.wait(20) == 0


def test_half_a_request_is_finished(tmp_path: Path) -> None:
    request = make_request()
    with start_confirmed(tmp_path) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(2)]
        for client, size in zip(clients, (30, len(request) - 5), strict=True):
            assert exchange(client, GET)[0] == 200
            client.sendall(request[:size])
        server.popen.terminate()
        while server.listens():
            pass
        for client, size in zip(clients, (30, len(request) - 5), strict=True):
            status, headers, body = exchange(client, request[size:])
            assert (status, headers["connection"], body) == (200, "close", ANSWER)


@pytest.mark.slow
def test_a_connection_that_never_ends_is_cut(tmp_path: Path) -> None:
    with start_confirmed(tmp_path, "--head-seconds", "1000") as server, server.connect() as client:
        client.sendall(GET[:10])
        server.popen.terminate()
        assert read_rest(client) == b""
        assert server.popen.wait(20) == 0
