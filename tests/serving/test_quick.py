"""The shortcut for requests to ``/score``: requests that arrive at the same time are scored together."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from numpy.typing import NDArray
from served import serve
from server_process import KEY, exchange, make_request, read_answer

from mlops.serving.app import Application
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import PART_ROWS, Scorer

IDENTITY = {"image": "tiny:1", "digest": "sha256:abc", "model_name": "tiny", "model_version": 1}
BLOCKED = -1  # the value for which the script waits


class Script:
    """A scoring script that remembers the number of rows of each call, and fails for some values."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.blocked, self.open = threading.Event(), threading.Event()

    def run(self, data: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return twice the value of each row."""
        self.calls.append(len(data))
        if BLOCKED in data:
            self.blocked.set()
            assert self.open.wait(20)
        if 500 in data:
            raise RuntimeError("secret details")
        if 422 in data:
            raise ValueError("422 is not a number of this model.")
        return np.where(data[:, 0] == 501, np.inf, 2 * data[:, 0])


@pytest.fixture(params=[True, False], ids=["joined", "alone"])
def joins(request: pytest.FixtureRequest) -> bool:
    """Whether the script gets the rows of several requests in one call."""
    return bool(request.param)


@pytest.fixture
def script() -> Script:
    """A scoring script."""
    return Script()


@pytest.fixture
def port(script: Script, joins: bool) -> Iterator[int]:
    """The port of a service."""
    schema = Schema(1, (Feature("x"),), Answer(), joins)
    with serve(Application(Scorer(script.run, schema), [KEY], IDENTITY)) as url:
        yield int(url.split(":")[-1])


def ask(*values: float, body: bytes = b"") -> bytes:
    """Return a request with a row for each value."""
    return make_request(body=body or json.dumps({"data": [[value] for value in values]}).encode())


def connect(port: int) -> socket.socket:
    """Connect to the service."""
    return socket.create_connection(("127.0.0.1", port), 20)


def send_together(port: int, script: Script, requests: list[bytes]) -> list[tuple[int, object]]:
    """Send requests on connections of their own while the service is blocked; return the statuses and results."""
    with ExitStack() as stack:
        first, *clients = [stack.enter_context(connect(port)) for _ in range(len(requests) + 1)]
        for client in clients:  # all connections are accepted
            assert exchange(client, make_request(b"GET", b"/livez", b""))[0] == 200
        first.sendall(ask(BLOCKED))
        assert script.blocked.wait(20)
        for client, request in zip(clients, requests, strict=True):
            client.sendall(request)
        script.open.set()
        assert read_answer(first)[0] == 200
        found = []
        for client in clients:
            status, _, body = read_answer(client)
            document = json.loads(body)
            found.append((status, document.get("result", document.get("detail"))))
        return found


def test_requests_that_arrive_together_are_scored_in_one_call(port: int, script: Script, joins: bool) -> None:
    found = send_together(port, script, [ask(*range(number)) for number in range(1, 5)])
    assert found == [(200, [2.0 * value for value in range(number)]) for number in range(1, 5)]
    assert script.calls == ([1, 10] if joins else [1, 1, 2, 3, 4])


def test_a_fault_in_one_request_concerns_only_this_request(port: int, script: Script) -> None:
    requests = [ask(3), ask(500), ask(4), ask(422), ask(501), ask(body=b"{data"), ask(body=b'{"data": [[]]}'), ask(5)]
    assert send_together(port, script, requests) == [
        (200, [6.0]),
        (500, "Scoring failed. The service's log has the error."),
        (200, [8.0]),
        (422, "422 is not a number of this model."),
        (500, "The scoring script returned a wrong answer. The service's log says why."),
        (
            400,
            "The body is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1).",
        ),
        (422, "data[0] has 0 values, but it needs 1: x."),
        (200, [10.0]),
    ]


def test_requests_with_many_rows_are_not_joined(port: int, script: Script) -> None:
    many = ask(*[1] * PART_ROWS)
    assert [status for status, _ in send_together(port, script, [many, many])] == [200, 200]
    assert script.calls == [1, PART_ROWS, PART_ROWS]


def test_more_rows_than_a_call_gets_are_scored_in_parts(port: int, script: Script) -> None:
    with connect(port) as client:
        status, _, body = exchange(client, ask(*[1] * (PART_ROWS + 1)))
    assert (status, len(json.loads(body)["result"])) == (200, PART_ROWS + 1)
    assert script.calls == [PART_ROWS, 1]


@pytest.mark.parametrize("pieces", [1, 50])
def test_pipelined_requests_are_answered_in_their_order(port: int, pieces: int) -> None:
    usual = [make_request(b"GET", b"/livez", b""), make_request(b"POST", b"/score", b"", b"Expect: x"), ask(body=b"{")]
    sent = [ask(0), ask(1), usual[0], ask(3), usual[1], ask(5), usual[2], usual[0], ask(8), ask(*[9] * 2000), ask(10)]
    named = [
        request.replace(b"\r\n", b"\r\nx-ms-request-id: %d\r\n" % place, 1) for place, request in enumerate(sent * 3)
    ]
    stream = b"".join(named)
    step = len(stream) // pieces
    with connect(port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin in range(0, len(stream), step):
            client.sendall(stream[begin : begin + step])
        answers = [read_answer(client) for _ in named]
    assert [int(headers["x-ms-request-id"]) for _, headers, _ in answers] == [*range(len(named))]
    assert [status for status, _, _ in answers] == [200, 200, 200, 200, 400, 200, 400, 200, 200, 200, 200] * 3
    assert [json.loads(answers[place][2])["result"][0] for place in (0, 1, 3, 5, 8)] == [0, 2, 6, 10, 16]


def test_a_refused_request_waits_for_the_answers_before_it(port: int, script: Script) -> None:
    with connect(port) as client:
        client.sendall(ask(BLOCKED) + ask(1) + b"nonsense\r\n\r\n")
        script.open.set()
        assert [read_answer(client)[0] for _ in range(3)] == [200, 200, 400]
