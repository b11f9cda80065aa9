"""Requests whose head is that of the request before: they get the answers that they would get alone."""

import itertools
import json
import socket
from collections.abc import Iterator

import httptools
import numpy as np
import pytest
from numpy.typing import NDArray
from served import serve
from server_process import KEY, exchange, make_request, read_answer

from mlops.serving.app import Application
from mlops.serving.connections.reading import SLICE
from mlops.serving.connections.repeats import RepeatedHead
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import PART_ROWS, Scorer

IDENTITY = {"image": "tiny:1", "digest": "sha256:abc", "model_name": "tiny", "model_version": 1}
HEAD = b"POST /score HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\nAccept: */*\r\n\r\n"
SENT = {b"content-type": b"application/json", b"content-length": b"4", b"accept": b"*/*"}


def count(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number of each row."""
    return np.arange(len(data), dtype=float) + data[:, 0]


@pytest.fixture
def application() -> Application:
    """A service."""
    return Application(Scorer(count, Schema(1, (Feature("x"),), Answer(), joins_requests=False)), [KEY], IDENTITY)


@pytest.fixture
def port(application: Application) -> Iterator[int]:
    """The port of the service."""
    with serve(application) as url:
        yield int(url.split(":")[-1])


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The heads that the service has parsed."""
    found: list[bytes] = []
    method = RepeatedHead.find.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(RepeatedHead, "find", classmethod(lambda *given: found.append(given[1]) or method(*given)))
    return found


def connect(port: int) -> socket.socket:
    """Connect to the service."""
    return socket.create_connection(("127.0.0.1", port), 20)


def ask(rows: int, *headers: bytes, path: bytes = b"/score", first: float = 0) -> bytes:
    """Return a request with rows of one number."""
    return make_request(b"POST", path, json.dumps({"data": [[first]] * rows}).encode(), *headers)


def test_a_head_is_parsed_once(port: int, parsed: list[bytes]) -> None:
    with connect(port) as client:
        for rows in (1, 2, 30, 1000, 1):
            status, _, body = exchange(client, ask(rows, first=rows))
            assert (status, json.loads(body)["result"]) == (200, [rows + place for place in range(rows)])
    assert parsed == [ask(1, first=1)]


def test_each_request_gets_the_answer_that_it_gets_alone(port: int) -> None:
    good = ask(2)
    requests = [
        good,
        ask(3, path=b"/scores"),
        ask(3, path=b"/score?x=1"),
        good.replace(KEY.encode(), b"other"),
        good.replace(b"application/json", b"text/plain"),
        make_request(body=b"{"),
        make_request(body=b'{"data": [[1e999]]}'),
        make_request(body=b""),
        make_request(b"POST", b"/score", b'12\r\n{"data": [[1, 2]]}\r\n0\r\n\r\n', b"Transfer-Encoding: chunked"),
        make_request(b"POST", b"/score", b'0f\r\n{"data": [[1]]}\r\n0\r\n\r\n', b"Transfer-Encoding: chunked"),
        ask(4, b"Expect: x"),
        ask(1, b"Upgrade: h2c", b"Connection: Upgrade"),
        ask(PART_ROWS + 1),
        ask(50_001),
        make_request(b"GET", b"/livez", b""),
        make_request(b"PUT"),
        ask(2, b"x-ms-request-id: 5", b"x-more: " + b"x" * SLICE),
        good + good,
        b"\r\n" + good,
        good.replace(b"Content-Length: ", b"Content-Length: 0"),
        good.replace(b"Content-Length: ", b"content-length:"),
    ]
    alone = []
    for request in requests:
        with connect(port) as client:
            alone.append(exchange(client, request)[::2])
    for place, request in enumerate(requests):
        with connect(port) as client:
            for sent, found in ((good, alone[0]), (request, alone[place]), (good, alone[0]), (good, alone[0])):
                answer = exchange(client, sent)[::2]
                if sent == good + good:
                    assert read_answer(client)[::2] == answer
                assert _forget_id(answer) == _forget_id(found)


def _forget_id(answer: tuple[int, bytes]) -> tuple[int, object]:
    document = json.loads(answer[1]) if answer[1] else {}
    return answer[0], {**document, "request_id": ""}


def test_a_request_can_arrive_in_any_pieces(port: int) -> None:
    requests = [ask(rows) for rows in (1, 2, 3)]
    with connect(port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in range(1, 200, 17):
            for rows, request in enumerate(requests, 1):
                client.sendall(request[:piece])
                client.sendall(request[piece:])
                status, _, body = read_answer(client)
                assert (status, len(json.loads(body)["result"])) == (200, rows)


def test_each_request_gets_an_id_of_its_own(port: int) -> None:
    with connect(port) as client:
        made = [exchange(client, ask(1))[1]["x-ms-request-id"] for _ in range(4)]
        assert len({*made}) == 4
        for name in (b"a", b"a", b"b", b"b"):
            named = exchange(client, ask(1, b"x-ms-request-id: " + name))[1]["x-ms-request-id"]
            assert named == name.decode()


def test_a_service_that_fails_answers_no_request(port: int, application: Application) -> None:
    with connect(port) as client:
        assert [exchange(client, ask(1))[0] for _ in range(2)] == [200, 200]
        application.state = "failing"
        assert exchange(client, ask(1))[0] == 503
        application.state = "ready"
        assert exchange(client, ask(1))[0] == 200


def test_the_body_of_a_repeated_head_has_the_sent_length() -> None:
    head = RepeatedHead.find(HEAD % 4 + b"body", [*SENT.items()], 4)
    assert head is not None
    assert head.sent == SENT
    for body in (b"x", b"a" * 9, b"a" * 123_456, b"\r\n\r\n", HEAD % 1):
        assert head.find_body(HEAD % len(body) + body) == body
        assert head.find_body(HEAD % (len(body) + 1) + body) is None
        assert head.find_body(HEAD % (len(body) - 1) + body) is None
    assert head.find_body(HEAD % 12_345_678) is None
    assert head.find_body(b"") is None
    for text in (b"", b"-4", b"+4", b" 4", b"4 ", b"4,4", b"0x4", b"4\r\nContent-Length: 4"):
        assert head.find_body((HEAD % 4).replace(b": 4", b": " + text) + b"body") is None


def test_every_change_of_a_head_makes_it_another() -> None:
    data = HEAD % 4 + b"body"
    head = RepeatedHead.find(data, [*SENT.items()], 4)
    assert head is not None
    begin, end = data.index(b" 4\r") + 1, len(data) - 4
    for place, byte in itertools.product(range(end), (b"", b"x", b"\r", b"\n", b" ", b"5")):
        changed = data[:place] + byte + data[place + 1 :]
        if changed != data and not (place == begin and byte == b"5"):
            assert head.find_body(changed) is None


@pytest.mark.parametrize(
    ("data", "more", "size"),
    [
        (HEAD % 4 + b"body" + HEAD % 4, {}, 4),
        (HEAD % 4 + b"body\r\n", {}, 4),
        (b"\r\n\r\n" + HEAD % 4 + b"body", {}, 4),
        (HEAD % 4 + b"bod", {}, 3),
        ((HEAD % 4).replace(b"Content-Length", b"X-Length") + b"body", {}, 4),
        ((HEAD % 4).replace(b": 4", b": 04") + b"body", {b"content-length": b"04"}, 4),
        ((HEAD % 4).replace(b"*/*", b"x" * SLICE) + b"body", {}, 4),
        (HEAD % 4 + b"body", {b"transfer-encoding": b"chunked"}, 4),
    ],
    ids=["two", "more", "lines", "part", "no length", "zero", "long", "chunked"],
)
def test_an_unusual_head_is_not_remembered(data: bytes, more: dict[bytes, bytes], size: int) -> None:
    assert RepeatedHead.find(data, [*{**SENT, **more}.items()], size) is None


def test_the_parser_agrees_that_only_the_length_can_differ() -> None:
    bodies: list[bytes] = []
    parser = httptools.HttpRequestParser(type("Protocol", (), {"on_body": lambda _, body: bodies.append(body)})())
    sent = [b"a" * size for size in (4, 9, 10, 123, 4)]
    for body in sent:
        parser.feed_data(HEAD % len(body) + body)
    assert bodies == sent
