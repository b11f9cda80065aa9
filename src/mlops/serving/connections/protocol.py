"""A connection: uvicorn's protocol, with deadlines and limits.

uvicorn limits neither the time nor the size of what it reads from clients. This protocol closes a connection whose
request does not arrive in time, refuses a head that is too large, stops reading while requests wait for their answers,
and ignores requests to upgrade the connection.
"""

import asyncio
import math
from time import perf_counter
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ..app import ARRIVED, OVERLOADED, Application
from ..refusals import Refusal
from .admission import Admission
from .answers import encode_answer
from .limits import SPARE
from .reading import AGAIN, SLICE, Reader, refuse_malformed

VERSIONS = ("1.1", "1.0")  # of HTTP; httptools also accepts 0.9 and 2.0
READ_SECONDS = 2.0  # time for a client to read a refusal before its connection is closed


class Connection(Reader):
    """A connection of a client. It expires when the clock of the server's `Admission` reaches `deadline`."""

    def __init__(
        self,
        config: Config,
        server_state: Admission,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline = math.inf
        self._application: Application = config.app  # type: ignore[assignment]  # see `Server`
        self._limits = server_state.limits
        self._address = ""
        self._admitted = False
        self._waiting = 0  # the number of requests that have arrived, but are not answered yet
        self._bodies = 0  # the number of bytes in the bodies of these requests
        self._unsent = 0  # the number of unsent bytes of answers at the last count
        self._sent_all = False  # whether the client has closed its side
        self._final: RequestResponseCycle | None = None  # the last request of the connection, if the server shuts down
        self._last_words = b""  # a refusal that is sent after the answers to earlier requests

    @property
    def must_wait(self) -> bool:
        """See `Reader`."""
        return bool(self.pipeline or self._behind or self._last_words) and not self._ended

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse the connection if the client or the server has too many connections."""
        super().connection_made(transport)
        self.flow = _Flow(self, transport)
        self._address = self.client[0] if self.client else ""
        self._admitted = self._admission.admit(self._address)
        self._application.recorder.count_connection()
        if self._admitted:
            self._set_deadline(self._limits.head_seconds)
            return
        said = "There are too many connections. Send the request again."
        refusal = Refusal(503, said, headers=AGAIN, reason="connections")
        if self._admission.refused > SPARE:
            self._application.recorder.count_refusal(refusal)
            transport.abort()
        else:
            self.refuse(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the requests that were not answered."""
        super().connection_lost(exc)
        self.pipeline.clear()
        self._behind = b""
        self._forget_requests(self._waiting)
        self.count_bytes(0)
        if self._admitted:
            self._admission.release(self._address)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Return whether to keep the connection: the client sends nothing more, but may still wait for answers."""
        self._sent_all = True
        return self._waiting > 0

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self._resumed:
            return
        if not self._arriving:
            self._arriving = "head"
            self.deadline = self._admission.clock + self._limits.head_seconds
        self._fed = self._received = 0
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Start to answer the request, or let it wait for the answers to earlier requests."""
        if self._resumed:
            return
        if self.parser.get_http_version() not in VERSIONS:
            raise refuse_malformed("Invalid HTTP version")
        if not _has_path(self.url):  # uvicorn would fail after this request has taken the place of the last one
            raise refuse_malformed("Invalid URL")
        self._arriving = "body"
        self.deadline = self._admission.clock + self._limits.body_seconds
        self._create_scope()
        self.scope["state"][ARRIVED] = perf_counter()
        if self._admission.waiting >= self._limits.waiting:
            self.scope["state"][OVERLOADED] = True
        super().on_headers_complete()
        if self._admission.draining:
            self._close_after(self.cycle)

    def _create_scope(self) -> None:
        # Requests that take the shortcut need no scope, so it is not created before the head has arrived.
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers

    def on_body(self, body: bytes) -> None:
        """Append a part of the body."""
        self._received += len(body)
        if self.cycle.response_complete:
            return
        self._bodies += len(body)
        if self._bodies > SLICE:
            self.count_bytes(self._bodies)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count the request as one that waits for its answer."""
        if self.parser.should_upgrade():
            return  # its body follows
        self._arriving = ""
        if self.cycle.response_complete:
            self._set_deadline(self._admission.idle_seconds)
            return
        self.deadline = math.inf
        self._waiting += 1
        self._admission.waiting += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Continue with the next request."""
        self._admission.total_requests += 1
        if self._waiting:
            self._forget_requests(1)
        if self.transport.is_closing():
            self._set_deadline(self._limits.answer_seconds)
        elif self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            self._read_on()
        elif self._last_words:
            self._say_last_words()
        else:
            self._bodies = 0
            if self._counted:
                self.count_bytes(0)
            if not self._arriving:
                self.deadline = self._admission.clock + self._admission.idle_seconds
            self._read_on()
            if self._sent_all and not self._waiting:
                self.transport.close()
                self._set_deadline(self._limits.answer_seconds)

    def _read_on(self) -> None:
        if self._behind and not self.pipeline:
            self.parse_behind()
        self.flow.resume_reading()

    def pause_writing(self) -> None:
        """Begin to check whether the client reads its answers."""
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._set_deadline(self._limits.answer_seconds)

    def resume_writing(self) -> None:
        """Stop checking whether the client reads its answers, and set the deadline of the next request."""
        super().resume_writing()
        rest = math.inf if self._is_answering() else self._admission.idle_seconds
        limits = {"": rest, "head": self._limits.head_seconds, "body": self._limits.body_seconds}
        self._set_deadline(limits[self._arriving])

    def shutdown(self) -> None:
        """End the connection after its last answer, or after a short time if no part of a request has arrived."""
        if self._is_answering():
            self._close_after(self.cycle)
        elif not (self._arriving and self._fed):
            self.deadline = min(self.deadline, self._admission.clock + self._admission.idle_seconds)

    def expire(self) -> None:
        """Act on a deadline that has passed: refuse a request that arrived in part, otherwise close the connection."""
        unsent = self.transport.get_write_buffer_size()
        if self._ended or self.transport.is_closing() or (self.flow.write_paused and unsent >= self._unsent):
            self.transport.abort()
        elif self.flow.write_paused or self.flow.read_paused:
            self._unsent = unsent
            self._set_deadline(self._limits.answer_seconds)
        elif self._arriving == "body":
            self.refuse(Refusal(408, f"The body did not arrive within {self._limits.body_seconds:g} s."))
        elif self._arriving and self._fed:
            self.refuse(Refusal(408, f"The head of the request did not arrive within {self._limits.head_seconds:g} s."))
        else:
            self.transport.close()
            self._set_deadline(self._limits.answer_seconds)

    def refuse(self, refusal: Refusal) -> None:
        """See `Reader`. The refusal is sent after the answers to earlier requests."""
        if self._last_words:
            return
        sent = self.headers if self._arriving else None
        self._last_words = encode_answer(self._application, refusal, sent or (), self.server_state.default_headers)
        self._behind = b""
        self.deadline = math.inf
        cycle = self.cycle if self._arriving == "body" else None
        if cycle is not None and self.pipeline:  # the request is the newest of the requests that wait
            self.pipeline.popleft()
            self.flow.pause_reading()
        elif cycle is not None and cycle.response_started:  # the request was answered before its body arrived
            self._ended = True
            self.transport.close()
            self._set_deadline(READ_SECONDS)
        elif cycle is None and self._is_answering():
            self.flow.pause_reading()
        else:
            if cycle is not None:
                cycle.disconnected = True  # the application gets no more of the body
                cycle.message_event.set()
            self._say_last_words()

    def _say_last_words(self) -> None:
        self._ended = True
        self.transport.write(self._last_words)
        self.transport.write_eof()
        # Otherwise, the client could lose the refusal when it learns that the rest of its request was not read.
        self.flow.resume_reading()
        self._set_deadline(READ_SECONDS)

    def _is_answering(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def _close_after(self, cycle: RequestResponseCycle) -> None:
        if self._final is not None and not self._final.response_started:
            self._final.keep_alive = True  # another request has begun to arrive after this one
        self._final = cycle if cycle.keep_alive else None
        cycle.keep_alive = False

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._admission.clock + seconds

    def _forget_requests(self, number: int) -> None:
        self._waiting -= number
        self._admission.waiting -= number


def _has_path(url: bytes) -> bool:
    try:
        return httptools.parse_url(url).path is not None
    except httptools.HttpParserInvalidURLError:
        return False


class _Flow(FlowControl):
    """uvicorn's flow control, extended: reading also stops while requests wait for their answers."""

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._connection = connection

    def resume_reading(self) -> None:
        """Continue to read, unless requests wait for their answers."""
        if self.read_paused and not self._connection.must_wait:
            super().resume_reading()
