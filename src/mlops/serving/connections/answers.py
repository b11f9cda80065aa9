"""The answer to a request that is refused before the application sees it."""

from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ..app import Application
from ..refusals import Refusal
from ..tracing import Header, identify_request


def encode_answer(
    application: Application, refusal: Refusal, sent: Sequence[Header], common: Sequence[Header]
) -> bytes:
    """Return the answer that refuses a request, after which the connection ends.

    Parameters
    ----------
    application : Application
        The application.
    refusal : Refusal
        The refusal.
    sent : sequence of tuple of bytes
        The headers of the request that have arrived so far.
    common : sequence of tuple of bytes
        The headers that each answer of the server has.
    """
    named = identify_request(dict(sent))
    status, headers, body = application.refuse(refusal, named)
    end = [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    head = b"".join(b"%s: %s\r\n" % header for header in [*common, *headers, *named, *end])
    return b"%s%s\r\n%s" % (STATUS_LINE[status], head, body)
