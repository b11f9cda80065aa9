"""A connection with a shortcut for requests to ``/score``."""

# uvicorn creates a task, an event and several dictionaries for each request, which takes half of the time of a request
# with one row. Only unusual requests need them: other paths, wrong keys, large bodies, requests that wait for the
# answer to an unusual request.

import math
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ..app import Answered
from ..heads import SCORE
from ..refusals import Refusal
from ..scoring import Body
from ..tracing import Header, identify_request
from .protocol import Connection
from .reading import SLICE
from .repeats import RepeatedHead

LONGEST = 1 << 18  # bytes of a body; more than 1,000 rows of ten numbers
PATH, METHOD = SCORE.encode(), b"POST"


class QuickConnection(Connection):
    """A connection whose requests to ``/score`` are answered together with those of other connections."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._turn = self._admission.turn
        self._encoder = self._turn.encoder
        self._undecided = False  # whether the request that arrives can still take the shortcut
        self._head: RepeatedHead | None = None  # the head of the last request; None if it is unusual
        self._sent: dict[bytes, bytes] = {}  # its headers
        self._parts: list[bytes] = []  # of its body
        self._headed = 0.0  # the time of `perf_counter` at the end of its head
        self._outstanding = 0  # the number of requests in the turn

    @property
    def must_wait(self) -> bool:
        """See `Reader`."""
        return bool(self._outstanding or self.pipeline or self._behind or self._last_words) and not self._ended

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the requests that were not answered."""
        self._undecided = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Add the request to the turn if its head is that of the last one. Otherwise, parse the bytes."""
        begins = not (self._ended or self.must_wait or (self._arriving and self._fed))
        if begins and self._head and self._add_repeated(self._head, data):
            return
        super().data_received(data)
        if begins and self._outstanding == 1 and not self._arriving:
            self._head = RepeatedHead.find(data, self.headers, self._received)

    def on_headers_complete(self) -> None:
        """Wait for the body, if the request can take the shortcut."""
        if not (self._can_be_quick() and self._is_accepted()):
            super().on_headers_complete()
            return
        self._arriving = "body"
        self._set_deadline(self._limits.body_seconds)
        self._undecided = True
        self._headed = perf_counter()
        self._parts = []

    def on_body(self, body: bytes) -> None:
        """Append a part of the body."""
        if not self._undecided:
            super().on_body(body)
            return
        self._received += len(body)
        self._parts.append(body)
        self._bodies += len(body)
        if self._bodies > SLICE:
            self.count_bytes(self._bodies)
        if self._received > LONGEST:
            self._begin()

    def on_message_complete(self) -> None:
        """Add the request to the turn."""
        body = None
        if self._undecided and not self._admission.draining:
            body = self._application.prepare(b"".join(self._parts))
        if body is None:
            self._begin()
            super().on_message_complete()
            return
        self._undecided = False
        self._arriving = ""
        self._add(body, self._sent)

    def refuse(self, refusal: Refusal) -> None:
        """See `Connection`."""
        self._begin()
        super().refuse(refusal)

    def shutdown(self) -> None:
        """End the connection after its last answer."""
        if not self._outstanding or self._is_busy():
            super().shutdown()
        # Otherwise, the connection is idle after the turn, and has the short deadline of a server that shuts down.

    def send(self, answer: Answered, named: Sequence[Header]) -> None:
        """See `Client`."""
        self._outstanding -= 1
        if not self.transport.is_closing():
            self.transport.write(self._encoder.encode(answer, named, self.server_state.default_headers))
        if not self._outstanding:
            self.on_response_complete()
            return
        self._admission.total_requests += 1
        if self._waiting:
            self._forget_requests(1)

    def _add_repeated(self, head: RepeatedHead, data: bytes) -> bool:
        body = head.find_body(data) if self._is_free() and self._application.state == "ready" else None
        prepared = None if body is None or len(body) > LONGEST else self._application.prepare(body)
        if body is None or prepared is None:
            return False
        self._headed = perf_counter()
        self._received = len(body)
        self._bodies += len(body)
        if self._bodies > SLICE:
            self.count_bytes(self._bodies)
        self._add(prepared, head.sent)
        return True

    def _add(self, body: Body, sent: Mapping[bytes, bytes]) -> None:
        self.deadline = math.inf
        self._waiting += 1
        self._admission.waiting += 1
        self._outstanding += 1
        self._turn.add((self, identify_request(sent), body, self._received, self._headed))

    def _can_be_quick(self) -> bool:
        parser = self.parser
        return (
            self.url == PATH
            and self._application.reads_rows
            and parser.get_method() == METHOD
            and not self._resumed
            and not self.expect_100_continue
            and self._is_free()
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    def _is_free(self) -> bool:
        return (
            not self._is_busy()
            and not self.flow.write_paused
            and not self._admission.draining
            and self._admission.waiting < self._limits.waiting
        )

    def _is_accepted(self) -> bool:
        self._sent = dict(self.headers)
        try:
            self._application.check_head(self._sent)
        except Refusal:
            return False
        return True

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _begin(self) -> None:
        """Let uvicorn handle the arriving request, which then does not take the shortcut."""
        if not self._undecided:
            return
        self._undecided = False
        self._bodies -= self._received
        self._received = 0
        super().on_headers_complete()
        for part in self._parts:
            super().on_body(part)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._outstanding:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))
        else:
            super()._start_asgi_task(cycle, app)

    def _is_answering(self) -> bool:
        return bool(self._outstanding) or super()._is_answering()
