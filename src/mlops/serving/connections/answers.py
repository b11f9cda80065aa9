"""The encoding of the answers that a connection sends without uvicorn."""

from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ..app import Answered, Application
from ..metrics.declared import OTHER
from ..refusals import Refusal
from ..tracing import Header, identify_request


def encode_answer(
    application: Application, refusal: Refusal, sent: Sequence[Header], common: Sequence[Header]
) -> bytes:
    """Return the bytes of an answer that refuses a request and announces the end of the connection.

    Parameters
    ----------
    application : Application
        The application.
    refusal : Refusal
        The refusal.
    sent : sequence of tuple of bytes
        The request's headers, as far as they have arrived.
    common : sequence of tuple of bytes
        The headers that each answer of the server has.
    """
    named = identify_request(dict(sent))
    status, headers, body = application.refuse(refusal, named)
    application.recorder.count_answer(OTHER, status)
    end = [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    return b"%s%s\r\n%s" % (STATUS_LINE[status], _encode_headers([*common, *headers, *named, *end]), body)


class AnswerEncoder:
    """An encoder of the answers on connections that stay open. It returns the bytes that uvicorn would send."""

    def __init__(self) -> None:
        self._common: Sequence[Header] = ()
        self._usual: Sequence[Header] = ()
        self._head = b""  # the usual status line and headers

    def encode(self, answer: Answered, named: Sequence[Header], common: Sequence[Header]) -> bytes:
        """Return an answer as bytes. The headers `named` identify the request, and all answers share `common`."""
        status, headers, body = answer
        if status != 200:
            head = STATUS_LINE[status] + _encode_headers([*common, *headers])
        elif headers is not self._usual or common is not self._common:  # `common` has the time, in seconds
            self._usual, self._common = headers, common
            head = self._head = STATUS_LINE[status] + _encode_headers([*common, *headers])
        else:
            head = self._head
        return b"%scontent-length: %d\r\n%s\r\n%s" % (head, len(body), _encode_headers(named), body)


def _encode_headers(headers: Sequence[Header]) -> bytes:
    return b"".join([b"%s: %s\r\n" % header for header in headers])
