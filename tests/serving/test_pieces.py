"""Requests in a stream that arrives in random pieces: they get the answers that they get alone."""

import json
import random
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from numpy.typing import NDArray
from served import serve
from server_process import KEY, make_request

from mlops.serving.app import Application
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import PART_ROWS, Scorer

IDENTITY = {"image": "tiny:1", "digest": "sha256:abc", "model_name": "tiny", "model_version": 1}
TARGETS = [b"GET /livez", b"HEAD /livez", b"GET /score", b"PUT /score", b"POST /score?x=1", b"POST http://a/score"]
HEADERS = [b"Expect: 100-continue", b"Expect: x", b"Upgrade: h2c\r\nConnection: Upgrade", b"X-Long: " + b"y" * 3000]
# The connection ends after these.
LAST = [b"Connection: close", b"X-Fold: a\r\n b", b"X: a\x00b", b": a", b"Content-Length: 3", b"Content-Length : 5"]
LAST_TARGETS = [b"POST /score HTTP/1.0", b"CONNECT a:1 HTTP/1.1", b"GET http://a:x/ HTTP/1.1", b"NONSENSE"]
_changes = re.compile(rb"date: [^\r]*\r\n|[0-9a-f]{32}")  # the time, and new ids


def predict(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twice the first number of each row. Fail for some numbers."""
    if 422 in data:
        raise ValueError("422 is not a number of this model.")
    return np.where(data[:, 0] == 500, np.inf, 2 * data[:, 0])


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a service."""
    scorer = Scorer(predict, Schema(1, (Feature("x"),), Answer(), joins_requests=True))
    with serve(Application(scorer, [KEY], IDENTITY)) as url:
        yield int(url.split(":")[-1])


def draw_request(chooser: random.Random, ends: bool) -> bytes:
    """Return a random request. If `ends` is true, the connection ends after its answer."""
    rows = chooser.choice([1, 1, 1, 2, 50, PART_ROWS + 1] if chooser.random() < 0.1 else [1, 1, 2, 30])
    body = json.dumps({"data": [[chooser.choice([1, 2.5, -7] * 9 + [422, 500])] for _ in range(rows)]}).encode()
    body = chooser.choice([body] * 12 + [b"", b"{", body * 2, b"\r\n\r\n", b'{"data": [[1, 2]]}'])
    named = b"x-ms-request-id: %d" % chooser.randrange(10 ** chooser.choice([3, 9]))
    form, more = chooser.random(), [b""]
    if form < 0.1:
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:]) if part) + b"0\r\n\r\n"
        more = [b"Transfer-Encoding: chunked"]
    elif form < 0.2:
        more = [chooser.choice(HEADERS)]
    if ends and chooser.random() < 0.6:
        more = [chooser.choice(LAST)]
    request = make_request(b"POST", b"/score", body, named, *filter(None, more))
    if ends and more[0] not in LAST:
        return request.replace(b"POST /score HTTP/1.1", chooser.choice(LAST_TARGETS))
    if form > 0.9:
        request = request.replace(b"POST /score", chooser.choice(TARGETS))
    return request.replace(KEY.encode(), b"wrong") if 0.85 < form < 0.9 else request


def send(port: int, pieces: list[bytes], pauses: bool = False) -> bytes:
    """Send pieces of a stream on a connection, close the client's side, and return the answers without `_changes`."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):  # the server has ended the connection, because it refused the last request
            for piece in pieces:
                client.sendall(piece)
                if pauses:
                    time.sleep(0.0002)
            client.shutdown(socket.SHUT_WR)
        while more := client.recv(1 << 16):
            found += more
    return _changes.sub(b"", found)


@pytest.mark.parametrize("streams", [15, pytest.param(400, marks=pytest.mark.slow)])
def test_each_request_gets_the_answer_that_it_gets_alone(port: int, streams: int) -> None:
    chooser = random.Random(streams)
    for _ in range(streams):
        count = chooser.choice([1, 2, 5, 9])
        requests = [draw_request(chooser, place == count) for place in range(1, count + 1)]
        stream = b"".join(requests)
        cuts = sorted(chooser.sample(range(1, len(stream)), chooser.choice([0, 1, 3, 20])))
        if chooser.random() < 0.3:
            cuts = [sum(map(len, requests[:place])) for place in range(1, count)]  # a request in each piece
        pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert send(port, pieces, chooser.random() < 0.5) == b"".join(send(port, [request]) for request in requests)
