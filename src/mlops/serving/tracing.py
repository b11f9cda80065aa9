"""The id and the trace of a request. The answer to the request repeats them."""

import os
import re
from collections.abc import Mapping

Header = tuple[bytes, bytes]

REQUEST_ID = b"x-ms-request-id"
TRACE = b"traceparent"
TEST = "mlops-test-"  # the ids of the requests with which a release tests a service begin with this
_is_id = re.compile(rb"[!-~]{1,100}").fullmatch
_is_trace = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


def identify_request(headers: Mapping[bytes, bytes]) -> list[Header]:
    """Return the headers that identify a request in its answer: the id, and the trace if the request has one.

    Parameters
    ----------
    headers : mapping of bytes to bytes
        The headers of the request, with lowercase names. An id is accepted if it has at most 100 characters, all of
        them visible and in ASCII. Otherwise, the request gets a new id. A trace is accepted if it has the format of
        https://www.w3.org/TR/trace-context.
    """
    sent, trace = headers.get(REQUEST_ID, b""), headers.get(TRACE, b"")
    found = [(REQUEST_ID, sent if _is_id(sent) else os.urandom(16).hex().encode())]
    return [*found, (TRACE, trace)] if _is_trace(trace) else found
