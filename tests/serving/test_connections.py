"""What clients without a key could do to a real server: stall it, fill its memory, or use up its connections."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from server_process import (
    ANSWER,
    BODY,
    KEY,
    Gate,
    ServerProcess,
    exchange,
    make_request,
    read_answer,
    read_rest,
    start_server,
)

from mlops.serving.connections.limits import list_options

SHORT = ("--head-seconds", "0.5", "--body-seconds", "0.5", "--answer-seconds", "0.5", "--idle-seconds", "0.5")
GET = make_request(b"GET", b"/readyz", b"")
UPGRADE = make_request(b"POST", b"/score", BODY, b"Upgrade: h2c", b"Connection: Upgrade")
SILENT = b"HTTP/1.1 408 Request Timeout\r\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with short deadlines."""
    with start_server(tmp_path_factory.mktemp("hasty"), *SHORT) as server:
        yield server


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the deadlines of a service."""
    with start_server(tmp_path_factory.mktemp("patient")) as server:
        yield server


def trickle(client: socket.socket, data: bytes, *, reads: bool = True) -> bytes:
    """Send the same bytes again and again until the server ends the connection, and return what it said."""
    said = b""
    while True:
        time.sleep(0.02)
        if reads and select.select([client], [], [], 0)[0]:
            try:
                more = client.recv(1 << 16)
            except ConnectionError:
                return said
            if not more:
                return said
            said += more
        try:
            client.sendall(data)
        except TimeoutError:
            pass  # the server reads nothing more, and will end the connection
        except ConnectionError:
            return said


@pytest.mark.parametrize("sent", [b"", b"GET /readyz HT", GET[:-2]], ids=["nothing", "half a line", "half a head"])
def test_a_head_that_does_not_arrive_ends_the_connection(hasty: ServerProcess, sent: bytes) -> None:
    with hasty.connect() as client:
        client.sendall(sent)
        said = read_rest(client)
    assert said.startswith(SILENT) if sent else said == b""


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"3.0"])
@pytest.mark.parametrize("request_line", [b"GET / ", b"POST /score "])
def test_another_version_of_http_is_refused(patient: ServerProcess, request_line: bytes, version: bytes) -> None:
    with patient.connect() as client:
        client.sendall(GET + make_request().replace(b"POST /score HTTP/1.1", request_line + b"HTTP/" + version))
        assert read_answer(client)[0] == 200
        status, headers, body = read_answer(client)
        assert (status, headers["connection"], client.recv(1)) == (400, "close", b"")
    assert b"The request is not HTTP/1.1: Invalid HTTP version." in body


@pytest.mark.parametrize("target", [b"GET http://here:x/", b"CONNECT here:1", b"GET http://here"])
@pytest.mark.parametrize(
    "before", [GET, make_request(), UPGRADE, make_request(b"PUT")], ids=["GET", "POST", "upgrade", "PUT"]
)
@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
def test_an_invalid_url_is_refused_after_the_answer_to_the_request_before(
    patient: ServerProcess, before: bytes, target: bytes, together: bool
) -> None:
    wrong = GET.replace(b"GET /readyz", target)
    with patient.connect() as client:
        client.sendall(before + wrong if together else before)
        assert read_answer(client)[0] in (200, 405)
        client.sendall(b"" if together else wrong)
        status, headers, body = read_answer(client)
        assert (status, headers["connection"], client.recv(1)) == (400, "close", b"")
    assert b"The request is not HTTP/1.1: Invalid URL." in body


def test_a_head_that_trickles_ends_the_connection(hasty: ServerProcess) -> None:
    with hasty.connect() as client:
        client.sendall(b"GET /readyz HTTP/1.1\r\nX: ")
        assert trickle(client, b"x").startswith(SILENT)


def test_the_second_head_has_its_own_deadline(hasty: ServerProcess) -> None:
    with hasty.connect() as client:
        assert exchange(client, GET)[0] == 200
        client.sendall(GET[:20])
        assert read_rest(client).startswith(SILENT)


def test_an_idle_connection_ends(hasty: ServerProcess) -> None:
    with hasty.connect() as client:
        assert exchange(client, GET)[0] == 200
        assert read_rest(client) == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
def test_a_body_that_trickles_is_given_up(hasty: ServerProcess, framing: bytes) -> None:
    head = make_request(b"POST", b"/score", b"", framing, b"X: chunked").replace(b"X: chunked\r\n", b"")
    with hasty.connect() as client:
        client.sendall(head)
        said = trickle(client, b"1\r\n1\r\n")
    assert said.startswith(SILENT)
    assert b"The body did not arrive within 0.5 s." in said


def test_a_body_that_trickles_behind_its_answer_ends_the_connection(hasty: ServerProcess) -> None:
    head = make_request(b"GET", b"/readyz", b"", b"Content-Length: 1000000", b"X: chunked")
    with hasty.connect() as client:
        client.sendall(head)
        assert trickle(client, b"1").startswith(b"HTTP/1.1 200")


def test_answers_that_are_not_read_end_the_connection(hasty: ServerProcess) -> None:
    with hasty.connect() as client:
        fill(client)
        trickle(client, GET, reads=False)
    assert hasty.is_ready()


def fill(client: socket.socket, most: int = 40_000_000) -> int:
    """Send requests without reading their answers until the server stops reading, and return the bytes sent."""
    client.settimeout(0.5)
    requests, sent = b"GET /readyz HTTP/1.1\r\n\r\n" * 2000, 0
    while sent < most:
        try:
            sent += client.send(requests)
        except (TimeoutError, ConnectionError):
            return sent
    return sent


def test_requests_whose_answers_are_not_read_use_little_memory(patient: ServerProcess) -> None:
    before = patient.measure_memory()
    with ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(patient.connect())
            for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                client.setsockopt(socket.SOL_SOCKET, buffer, 1 << 16)
            assert fill(client) < 10_000_000
        assert patient.is_ready()
        assert patient.measure_memory() < before + 30


def test_pipelined_requests_are_answered_in_order(patient: ServerProcess) -> None:
    paths = [b"/path%d" % number for number in range(150)]
    requests = b"".join(make_request(b"GET", path, b"") + make_request() for path in paths)
    with patient.connect() as client:
        client.sendall(requests)
        for path in paths:
            status, _, body = read_answer(client)
            assert (status, path in body) == (404, True)
            assert read_answer(client)[::2] == (200, ANSWER)


@pytest.mark.parametrize(
    "requests",
    [
        [make_request()],
        [GET],
        [make_request(body=b'{"data": [' + b"[1.0], " * 50_000 + b"[1.0]]}")],
        [make_request(), GET, make_request(), make_request()] * 20,
    ],
    ids=["a quick one", "another path", "too many rows", "pipelined"],
)
def test_a_client_that_closes_its_side_still_gets_its_answers(patient: ServerProcess, requests: list[bytes]) -> None:
    with patient.connect() as client:
        client.sendall(b"".join(requests))
        client.shutdown(socket.SHUT_WR)
        said = read_rest(client)
    assert said.count(b"HTTP/1.1 200 OK\r\n") + said.count(b"HTTP/1.1 413 ") == len(requests)
    kinds = [b"POST" if b'{"result":' in answer else b"GET" for answer in said.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert kinds == [request.split()[0] for request in requests if len(request) < 1000]


def test_a_client_that_closes_its_side_within_a_request_is_disconnected(patient: ServerProcess) -> None:
    with patient.connect() as client:
        client.sendall(make_request()[:-3])
        client.shutdown(socket.SHUT_WR)
        assert read_rest(client) == b""


def test_a_large_body_between_pipelined_requests_arrives_whole(patient: ServerProcess) -> None:
    rows = b'{"data": [' + b", ".join([b"[1.0]"] * 50_000) + b"]}"
    with patient.connect() as client:
        client.sendall(GET * 3 + make_request(body=rows) + GET * 3)
        found = [read_answer(client) for _ in range(7)]
    assert [status for status, _, _ in found] == [200] * 7
    assert found[3][2].count(b"1.0") == 50_000


@pytest.mark.parametrize("size", [30_000, 32_000])
def test_a_head_of_nearly_32_kib_is_read(patient: ServerProcess, size: int) -> None:
    with patient.connect() as client:
        assert exchange(client, make_request(b"GET", b"/readyz", b"", b"X: " + b"x" * size))[0] == 200


@pytest.mark.parametrize("part", [b"GET /" + b"x" * 40_000, b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000])
def test_a_head_over_32_kib_is_refused(patient: ServerProcess, part: bytes) -> None:
    with patient.connect() as client:
        status, headers, body = exchange(client, part)
        assert (status, headers["content-type"], headers["connection"]) == (431, "application/problem+json", "close")
        assert b"more than 32768 bytes" in body
        assert read_rest(client) == b""


def test_endless_heads_and_trailers_are_refused(patient: ServerProcess) -> None:
    before = patient.measure_memory()
    chunked = make_request(b"POST", b"/score", b"0\r\n", b"Transfer-Encoding: chunked")
    for begin in (b"GET / HTTP/1.1\r\n", chunked):
        with patient.connect() as client:
            client.sendall(begin)
            said = trickle(client, b"X: %s\r\n" % (b"x" * 10_000))
            assert said.startswith(b"HTTP/1.1 431")
    assert patient.measure_memory() < before + 10


def test_a_body_in_small_chunks_is_read(patient: ServerProcess) -> None:
    body = b'{"data": [' + b", ".join([b"[1.0]"] * 20_000) + b"]}"
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[place : place + 8]), body[place : place + 8]) for place in range(0, len(body), 8)
    )
    with patient.connect() as client:
        status, _, answer = exchange(
            client, make_request(b"POST", b"/score", chunks + b"0\r\n\r\n", b"Transfer-Encoding: chunked")
        )
    assert (status, answer.count(b"1.0")) == (200, 20_000)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_upgrade_is_ignored(patient: ServerProcess, protocol: bytes, framing: str) -> None:
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + protocol, b"HTTP2-Settings: AAMAAABkAAQAAP__")
    request = make_request(b"POST", b"/score", BODY, *upgrade)
    if framing == "chunks":
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
        request = make_request(b"POST", b"/score", chunks, *upgrade, b"Transfer-Encoding: chunked")
    with patient.connect() as client:
        for _ in range(2):
            assert exchange(client, request)[::2] == (200, ANSWER)
        client.sendall(request[:-5])
        time.sleep(0.05)  # so that the body arrives in two parts
        assert exchange(client, request[-5:] + GET)[::2] == (200, ANSWER)
        assert read_answer(client)[0] == 200


def test_what_is_not_http_is_refused_after_the_answers_to_earlier_requests(patient: ServerProcess) -> None:
    with patient.connect() as client:
        client.sendall(make_request() + GET + b"NONSENSE\r\n\r\n" + GET)
        assert [read_answer(client)[0] for _ in range(3)] == [200, 200, 400]
        assert read_rest(client) == b""


def test_the_log_has_neither_keys_nor_rows(patient: ServerProcess) -> None:
    good, secret = make_request(body=b'{"data": [[4711.25]]}'), b"secret-4711"
    requests = [
        good,
        make_request(body=b'{"data": [["secret-4711"]]}'),
        make_request(body=b'{"secret-4711": 1}'),
        make_request(body=b'{"data": [[4711.25, secret-4711'),
        good.replace(b"the-key", secret),
        make_request(b"GET", b"/secret-4711?key=the-key", b""),
        make_request(b"POST", b"/score", BODY, b"Content-Encoding: secret-4711"),
        make_request(b"GET", b"/readyz", b"", b"X: " + secret * 4000),
        secret + b" the-key 4711.25\r\n\r\n",
    ]
    statuses = []
    for request in requests:
        with patient.connect() as client:
            statuses.append(exchange(client, request)[0])
    assert statuses == [200, 422, 422, 400, 401, 404, 415, 431, 400]
    log = patient.log.read_text()
    assert not any(said in log for said in ("4711", KEY))


def test_a_client_has_a_limit_of_connections(tmp_path: Path) -> None:
    with start_server(tmp_path, "--client-connections", "3", "--connections", "5") as server, ExitStack() as stack:
        held = [stack.enter_context(server.connect()) for _ in range(3)]
        assert [exchange(client, GET)[0] for client in held] == [200] * 3
        refused = stack.enter_context(server.connect())
        status, headers, body = exchange(refused, GET)
        assert (status, headers["retry-after"], b"too many connections" in body) == (503, "1", True)
        assert read_rest(refused) == b""
        others = [stack.enter_context(server.connect("127.0.0.2")) for _ in range(2)]
        assert [exchange(client, GET)[0] for client in others] == [200] * 2
        assert exchange(stack.enter_context(server.connect("127.0.0.3")), GET)[0] == 503  # 5 in total
        held[0].close()
        wait_until_served(server)


def wait_until_served(server: ServerProcess) -> None:
    """Wait until the server has noticed that a connection ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with server.connect() as client:
            if exchange(client, GET)[0] == 200:
                return
    pytest.fail("the server still refuses connections")


def test_500_stalled_connections_do_not_disturb_good_clients(tmp_path: Path) -> None:
    """The service is started with a soft limit of 256 open files, and raises it."""
    with start_server(tmp_path, "--client-connections", "700", files=(256, 4096)) as server, ExitStack() as stack:
        for number in range(500):
            client = stack.enter_context(server.connect())
            client.sendall((b"", GET[:20], make_request()[:-3])[number % 3])
        good = stack.enter_context(server.connect())
        for _ in range(200):
            assert exchange(good, make_request())[::2] == (200, ANSWER)
            assert server.is_ready()
        assert server.log.stat().st_size < 10_000


def test_a_client_with_more_connections_than_it_may_have_does_not_disturb_others(tmp_path: Path) -> None:
    with start_server(tmp_path, files=(256, 512)) as server, ExitStack() as stack:
        for _ in range(600):
            stack.enter_context(server.connect("127.0.0.9"))
        for _ in range(50):
            assert server.is_ready()
        assert server.log.stat().st_size < 10_000


def test_requests_beyond_the_queue_are_refused(tmp_path: Path) -> None:
    """The script blocks the server, so the other requests arrive at once when it continues."""
    gate = Gate(tmp_path)
    with start_server(tmp_path, "--waiting", "2", script=gate.script) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(7)]
        for client in clients:
            assert exchange(client, GET)[0] == 200
        gate.block(clients[0])
        for client in clients[1:6]:
            client.sendall(make_request())
        clients[6].sendall(GET)
        gate.open()
        found = [read_answer(client) for client in clients]
    assert [found[0][0], found[6][0]] == [200, 200]
    assert sorted(status for status, _, _ in found[1:6]) == [200, 200, 503, 503, 503]
    assert {headers["retry-after"] for status, headers, _ in found if status == 503} == {"1"}


def test_the_manual_has_each_option(project: Path) -> None:
    manual = (project / "docs" / "service.md").read_text(encoding="utf-8")
    for name, _, default, _ in list_options():
        assert f"| `{name}` | {default:g} |" in manual
