"""The id and the trace of a request. The answer to the request repeats them."""

import os
import re
from collections.abc import Mapping

Header = tuple[bytes, bytes]

REQUEST_ID = b"x-ms-request-id"
CLIENT_ID = b"x-ms-client-request-id"  # sent by clients of Azure; the id if there is no other
TRACE = b"traceparent"
TEST = "mlops-test-"  # the ids of the requests with which a release tests a service begin with this
NEW_IDS = 256  # made at a time, because each call of the system takes as long as 10 of them
_is_id = re.compile(rb"[!-~]{1,100}").fullmatch
_is_trace = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


_new_ids: list[bytes] = []
os.register_at_fork(after_in_child=_new_ids.clear)  # otherwise, two workers would use the same ids


def identify_request(headers: Mapping[bytes, bytes]) -> list[Header]:
    """Return the headers that identify a request in its answer: the id, and the client's id and the trace, if any.

    Parameters
    ----------
    headers : mapping of bytes to bytes
        The headers of the request, with lowercase names. An id is accepted if it has at most 100 characters, all of
        them visible and in ASCII. Otherwise, the request gets a new id. A trace is accepted if it has the format of
        https://www.w3.org/TR/trace-context.
    """
    client, trace = headers.get(CLIENT_ID, b""), headers.get(TRACE, b"")
    sent = headers.get(REQUEST_ID) or client
    found = [(REQUEST_ID, sent if sent and _is_id(sent) else _make_id())]
    if client and _is_id(client):
        found.append((CLIENT_ID, client))
    if trace and _is_trace(trace):
        found.append((TRACE, trace))
    return found


def _make_id() -> bytes:
    try:
        return _new_ids.pop()
    except IndexError:
        digits = os.urandom(16 * NEW_IDS).hex().encode()
        first, *others = (digits[place : place + 32] for place in range(0, len(digits), 32))
        _new_ids.extend(others)
        return first
