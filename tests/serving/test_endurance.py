"""A service under load for long: the memory of its processes stays the same."""

import concurrent.futures
import socket
from pathlib import Path

import pytest
from collecting_server import Server
from server_process import exchange, make_request

ROUNDS = 10
CLIENTS = 4
GOOD, ANSWER = make_request(body=b'{"data": [[1, 2, 3]]}'), b'{"result":[6.0]}'
WRONG = make_request(body=b'{"data": [["x"]]}')
METRICS = make_request(b"GET", b"/metrics", b"")


def send(port: int, count: int) -> None:
    """Send requests, some on connections of their own, and some that are refused."""
    for number in range(count // 50):
        with socket.create_connection(("127.0.0.1", port), 20) as client:
            for _ in range(47):
                assert exchange(client, GOOD)[::2] == (200, ANSWER)
            assert exchange(client, METRICS)[0] == 200
            assert exchange(client, WRONG)[0] == 422
            assert exchange(client, b"nonsense\r\n\r\n" if number % 2 else WRONG)[0] in (400, 422)


@pytest.mark.slow
def test_100000_requests_need_no_more_memory(tmp_path: Path) -> None:
    """The service collects the requests, and its uploader uploads them meanwhile."""
    server, used = Server(tmp_path, url=str(tmp_path / "up")), []
    port = server.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            for _ in range(ROUNDS):
                for sent in [pool.submit(send, port, 100_000 // ROUNDS // CLIENTS) for _ in range(CLIENTS)]:
                    sent.result()
                used.append(server.measure_memory())
        assert server.log.stat().st_size < 10_000
    finally:
        server.stop()
    assert len(used[0]) == 3  # the supervisor, the worker and the uploader
    assert used[-1].keys() == used[0].keys()
    grown = {process: used[-1][process] - used[1][process] for process in used[0]}  # MB
    assert max(grown.values()) < 2, used
