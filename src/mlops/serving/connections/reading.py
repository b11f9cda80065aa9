"""The reading of requests. Bytes are parsed in slices. After a slice with requests, parsing waits for their answers."""

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Literal

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..refusals import Refusal
from .admission import Admission
from .limits import HEAD_BYTES, HELD_BYTES

SLICE = 2048  # the number of bytes to parse at a time; they contain at most 113 requests, which use 0.2 MB
END_OF_HEAD = b"\r\n\r\n"
FRAMING = (b"content-length", b"transfer-encoding")
AGAIN = {"retry-after": "1"}


def refuse_malformed(why: str) -> Refusal:
    """Return an error that refuses a request that is not HTTP/1.1."""
    return Refusal(400, f"The request is not HTTP/1.1: {why}.")


class Reader(HttpToolsProtocol, ABC):
    """A connection that reads requests. The subclass `Connection` decides when to read, and answers the requests."""

    def __init__(
        self,
        config: Config,
        server_state: Admission,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._admission = server_state
        # The request that is arriving: the part that arrives now, its bytes so far, and the bytes of its body.
        self._arriving: Literal["", "head", "body"] = "head"
        self._fed = 0
        self._received = 0
        self._resumed = False  # whether another parser reads the body
        self._behind = b""  # the bytes that arrived after requests that wait
        self._counted = 0  # the bytes of this connection in the server's total
        self._ended = False  # whether the last answer was sent

    @property
    @abstractmethod
    def must_wait(self) -> bool:
        """True if a request must be answered before later requests are read."""

    @abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """Refuse the request that has begun to arrive, and end the connection."""

    def data_received(self, data: bytes) -> None:
        """Parse bytes from the client, or keep them for later while an earlier request waits for its answer."""
        if self._ended:
            return
        if len(data) <= SLICE and not self.must_wait:
            self._parse(data)
        else:
            self._behind += data
            self.parse_behind()

    def parse_behind(self) -> None:
        """Parse the bytes that were kept for later. If an earlier request must be answered first, keep the rest."""
        behind, place = self._behind, 0
        data = memoryview(behind)
        self._behind = b""
        while place < len(data) and not self.must_wait and not self._ended and not self.transport.is_closing():
            size = max(SLICE, self._find_rest())
            if self._arriving != "body":
                end = behind.find(END_OF_HEAD, place, place + SLICE)
                # If the slice has one head, a long body after it arrives in one piece, and need not be joined.
                if end >= 0 and end == behind.rfind(END_OF_HEAD, place, place + SLICE):
                    size = end + len(END_OF_HEAD) - place
            self._parse(data[place : place + size])
            place += size
        if place < len(data) and self.must_wait:
            self._behind = bytes(data[place:])
            self.count_bytes(self._counted + len(self._behind))
            self.flow.pause_reading()

    def count_bytes(self, number: int) -> None:
        """Set the number of bytes that this connection holds for its requests, and update the server's total."""
        self._admission.held += number - self._counted
        self._counted = number

    def _find_rest(self) -> int:
        if self._arriving != "body":
            return 0
        return next((int(value) for name, value in self.headers if name == FRAMING[0]), 0) - self._received

    def _parse(self, data: bytes | memoryview) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            found = error.__context__
            self.refuse(found if isinstance(found, Refusal) else refuse_malformed(str(error)))
            return
        else:
            if self._arriving:
                self._check_size(len(data))
            return
        self._ignore_upgrade(rest)  # here, because `HttpParserUpgrade` would become the context of a later error

    def _check_size(self, added: int) -> None:
        self._fed += added
        # A request may have one byte of overhead for each byte of its body, because chunks have heads. Its first slice
        # can contain the end of another request.
        if self._fed - 2 * self._received > HEAD_BYTES + SLICE:
            self.refuse(Refusal(431, f"The head of the request has more than {HEAD_BYTES} bytes."))
        elif self._counted and self._admission.held > HELD_BYTES:
            said = "There are too many large requests. Send the request again."
            self.refuse(Refusal(503, said, headers=AGAIN, reason="memory"))

    def _ignore_upgrade(self, rest: bytes | memoryview) -> None:
        # httptools skips the body of a request that asks for an upgrade, so another parser reads it.
        framing = b"".join(b"%s: %s\r\n" % header for header in self.headers if header[0] in FRAMING)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._resumed = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % framing)
        self._resumed = False
        self._parse(rest)

    def on_url(self, url: bytes) -> None:
        """Append a part of the URL."""
        if not self._resumed:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Append a header."""
        if self._resumed:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
