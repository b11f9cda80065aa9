"""The supervisor of a service, and workers that die."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from server_process import ANSWER, ServerProcess, exchange, make_request, read_answer, start_server
from tiny_model import SCRIPT
from waiting import wait_until

from mlops.errors import DeploymentError
from mlops.serving.workers.record import Workers, read_workers

GET = make_request(b"GET", b"/readyz", b"")
THREADED = f"import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n{SCRIPT}"
SUICIDAL = """
import os, signal
def init(): pass
def run(data):
    if data[0, 0] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return data[:, 0]
"""
GREEDY = """
import numpy as np
kept = []
def init(): pass
def run(data):
    if data[0, 0] > 1:
        kept.append(np.ones((int(data[0, 0]) << 20) // 8))
    return data[:, 0]
"""


def read(server: ServerProcess) -> Workers:
    """Return what the supervisor recorded."""
    return read_workers(server.log.parent)


def count_connections(server: ServerProcess) -> list[int]:
    """Return the number of connections of each worker."""
    found = (worker.net_connections("tcp") for worker in server.list_workers())
    return [sum(one.status == psutil.CONN_ESTABLISHED for one in connections) for connections in found]


def score(server: ServerProcess, row: int = 1) -> int:
    """Send a row on a new connection, and return the status of the answer; 0 if there was none."""
    try:
        with server.connect() as client:
            return exchange(client, make_request(body=b'{"data": [[%d]]}' % row))[0]
    except (EOFError, ConnectionError):
        return 0


@pytest.fixture(params=[SCRIPT, THREADED], ids=["forks", "programs"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with two workers."""
    with start_server(tmp_path, "--workers", "2", script=request.param) as server:
        yield server


def test_a_model_that_is_known_to_start_threads_is_loaded_once_by_each_worker(tmp_path: Path) -> None:
    loads, record = tmp_path / "loads", tmp_path / "runtime.json"
    record.write_text('{"format": 1, "runtime": "onnx", "columns": ["a"]}')
    script = f"import os\nwith open({str(loads)!r}, 'a') as file: print(os.getpid(), file=file)\n{THREADED}"
    with start_server(tmp_path, "--workers", "2", script=script, more_files=[record]) as server:
        wait_until(lambda: read(server).running == 2)
        assert score(server) == 200
        workers = server.list_workers()
        assert sorted(map(int, loads.read_text().split())) == sorted(worker.pid for worker in workers)
        assert len({tuple(process.cmdline()) for process in (psutil.Process(server.popen.pid), *workers)}) == 1


def test_workers_that_are_killed_are_restarted(pair: ServerProcess) -> None:
    before = {worker.pid for worker in pair.list_workers()}
    assert (len(before), read(pair)) == (2, Workers(2, 2))
    # The service keeps the keys with which it was started.
    pair.log.with_name("keys.json").write_text('{"primary": "another"}')
    for pid in before:
        psutil.Process(pid).kill()
    with pair.connect() as client:  # waits until a worker accepts the connection
        assert exchange(client, make_request())[::2] == (200, ANSWER)
    wait_until(lambda: read(pair) == Workers(2, 2, restarts=2))
    assert not before & {worker.pid for worker in pair.list_workers()}
    assert "ended (SIGKILL). Restarts so far: 2." in pair.log.read_text()


def test_connections_are_distributed_evenly(pair: ServerProcess) -> None:
    with ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(pair.connect())
        wait_until(lambda: sum(count_connections(pair)) == 32)
        assert max(count_connections(pair)) <= 17


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_connections_that_were_handed_to_a_worker_are_answered(tmp_path: Path, end: signal.Signals) -> None:
    with start_server(tmp_path, "--workers", "2") as server, ExitStack() as stack:
        stopped = server.list_workers()[0]
        stopped.suspend()  # so that it takes nothing from its box
        clients = [stack.enter_context(server.connect()) for _ in range(8)]
        for client in clients:
            client.sendall(make_request())
        wait_until(lambda: sum(count_connections(server)) == 4)  # the other worker keeps half of them
        if end is signal.SIGKILL:
            stopped.kill()
        else:
            server.popen.terminate()
            stopped.resume()
        assert [read_answer(client)[0] for client in clients] == [200] * 8


def test_workers_end_when_their_supervisor_is_killed(pair: ServerProcess) -> None:
    workers = pair.list_workers()
    with pair.connect() as client:
        assert exchange(client, GET)[0] == 200
        pair.popen.kill()
        pair.popen.wait()
        assert exchange(client, make_request())[::2] == (200, ANSWER)
    assert psutil.wait_procs(workers, 20)[1] == []
    assert not pair.listens()


def test_the_model_is_loaded_once_for_all_workers_if_forks_can_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each load writes the number of threads for linear algebra: 1, unless the environment has another number."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "2")
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    for name, script in (("shared", SCRIPT), ("apart", THREADED)):
        number = f"''.join(os.environ[name] for name in {threads})"
        counted = f"{script}\nimport os\nopen({str(tmp_path / name)!r}, 'a').write({number})\n"
        (tmp_path / f"{name}-server").mkdir()
        with start_server(tmp_path / f"{name}-server", "--workers", "2", script=counted):
            pass
    assert (tmp_path / "shared").read_text() == "112"
    assert (tmp_path / "apart").read_text() == "112" * 3  # the supervisor tried


def test_a_model_that_kills_its_workers_makes_the_service_unready(tmp_path: Path) -> None:
    with start_server(tmp_path, "--restarts", "2", script=SUICIDAL) as server:
        for _ in range(3):
            assert score(server, 5) == 0
            wait_until(lambda: read(server).running == 1 or read(server).failing)
        wait_until(lambda: len(server.list_workers()) == 1)
        with server.connect() as client:
            assert exchange(client, make_request(b"GET", b"/livez", b""))[0] == 200
            for request in (GET, make_request()):
                status, headers, body = exchange(client, request)
                assert (status, headers["retry-after"]) == (503, "60")
                assert b"its processes die repeatedly" in body
        assert read(server) == Workers(0, 1, restarts=3, failing=True)
        server.popen.send_signal(signal.SIGTERM)
        assert server.popen.wait(20) == 0


def test_a_worker_that_uses_too_much_memory_is_replaced_without_an_error(tmp_path: Path) -> None:
    with start_server(tmp_path, "--worker-memory", "150", script=GREEDY) as server:
        (before,) = server.list_workers()
        assert score(server, 1000) == 500  # more than the worker may reserve
        with server.connect() as client:
            assert exchange(client, make_request(body=b'{"data": [[150]]}'))[0] == 200
            wait_until(
                lambda: before.pid not in {worker.pid for worker in server.list_workers()} or read(server).restarts == 1
            )
            assert exchange(client, make_request())[::2] == (200, ANSWER)
        assert score(server) == 200
        wait_until(lambda: not before.is_running() and read(server) == Workers(1, 1, restarts=1))
    assert "but its limit is 150 MB. It is replaced." in server.log.read_text()


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (60, " of memory before its first request, but its limit is 70 MB"),
        (500, "needs more than 140 MB of memory, which is twice its limit"),
    ],
)
def test_a_service_whose_model_needs_more_than_the_limit_does_not_become_ready(
    tmp_path: Path, size: int, said: str
) -> None:
    large = f"model = b'.' * ({size} << 20)\n{SCRIPT}"
    record = tmp_path / "runtime.json"
    record.write_text('{"format": 1, "runtime": "onnx", "columns": ["a"]}')  # so that the worker loads the model
    with (
        pytest.raises(DeploymentError, match=rf"(?s)exit code 1\..*{said}\. Raise the limit\.") as caught,
        start_server(tmp_path, "--worker-memory", "70", script=large, more_files=[record] if size > 60 else []),
    ):
        pass
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("threads", [False, True], ids=["forks", "programs"])
def test_a_service_that_cannot_score_its_example_does_not_become_ready(tmp_path: Path, threads: bool) -> None:
    script = (THREADED if threads else SCRIPT).replace("return data", "raise KeyError(data[0, 0])\n    return data")
    with (
        pytest.raises(DeploymentError, match=r"(?s)ended with exit code 1\. .*cannot score the example of its image"),
        start_server(tmp_path, script=script),
    ):
        pass
    said = (tmp_path / "service.log").read_text().replace("bundle-1.0", "")
    assert not re.search(r"\b1\.0\b", said)


def test_a_service_that_may_open_too_few_files_is_not_started(tmp_path: Path) -> None:
    said = r"This process may open 40 files, but the service needs 328\. Raise the hard limit: `ulimit -Hn 328`\."
    with (
        pytest.raises(DeploymentError, match=rf"(?s)ended with exit code 1\. .*{said}"),
        start_server(tmp_path, "--workers", "2", files=(40, 40)),
    ):
        pass


def test_the_record_of_the_workers_can_be_damaged(tmp_path: Path) -> None:
    assert read_workers(tmp_path) == Workers()
    for content in ("", "{", "[]", json.dumps({"running": 1})):
        (tmp_path / "workers.json").write_text(content)
        assert read_workers(tmp_path) == Workers()
