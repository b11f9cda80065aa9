"""A service under load for long: its memory stays the same."""

import concurrent.futures
from pathlib import Path

import pytest
from server_process import ANSWER, ServerProcess, exchange, make_request, start_server

ROUNDS = 10
CLIENTS = 4


def send(server: ServerProcess, count: int) -> None:
    """Send requests, some on connections of their own, and some that are refused."""
    wrong = make_request(body=b'{"data": [["x"]]}')
    for number in range(count // 50):
        with server.connect() as client:
            for _ in range(48):
                assert exchange(client, make_request())[::2] == (200, ANSWER)
            assert exchange(client, wrong)[0] == 422
            assert exchange(client, b"nonsense\r\n\r\n" if number % 2 else wrong)[0] in (400, 422)


@pytest.mark.slow
def test_100000_requests_need_no_more_memory(tmp_path: Path) -> None:
    used = []
    with start_server(tmp_path) as server, concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(ROUNDS):
            for sent in [pool.submit(send, server, 100_000 // ROUNDS // CLIENTS) for _ in range(CLIENTS)]:
                sent.result()
            used.append(server.measure_memory())
        assert server.log.stat().st_size < 10_000
    assert used[-1] < used[1] + 2, used  # MB
