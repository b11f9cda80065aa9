"""The heads of requests, which most clients repeat with each request on a connection."""

# To parse and check a head takes a quarter of the time of a request with one row.

import re
from collections.abc import Mapping, Sequence
from typing import Self

from ..heads import MOST_DIGITS
from ..tracing import Header
from .reading import END_OF_HEAD, SLICE

LENGTH, CHUNKED = b"content-length", b"transfer-encoding"
_find_length = re.compile(rb"\r\n%b: *([1-9][0-9]{0,%d})\r\n" % (LENGTH, MOST_DIGITS - 2), re.IGNORECASE).search


class RepeatedHead:
    """The head of a request that was accepted. It is compared with the heads of later requests on the connection.

    Parameters
    ----------
    before, after : bytes
        The head before and after the length of the body, which can be another for each request.
    sent : mapping of bytes to bytes
        The headers, with lowercase names.
    """

    def __init__(self, before: bytes, after: bytes, sent: Mapping[bytes, bytes]) -> None:
        self.sent = sent
        self._before = before
        self._after = after

    @classmethod
    def find(cls, data: bytes, headers: Sequence[Header], size: int) -> Self | None:
        """Return the head of the request in `data`, or None if the data has more than one request, or a long head.

        Parameters
        ----------
        data : bytes
            The bytes that arrived, which begin with a request.
        headers : sequence of tuple of bytes
            The headers of the request, with lowercase names.
        size : int
            The size of its body.
        """
        end = data.find(END_OF_HEAD, 0, SLICE) + len(END_OF_HEAD)
        length = _find_length(data, 0, end)
        sent = dict(headers)
        if not length or end + size != len(data) or sent.get(LENGTH) != b"%d" % size or CHUNKED in sent:
            return None
        return cls(data[: length.start(1)], data[length.end(1) : end], sent)

    def find_body(self, data: bytes) -> bytes | None:
        """Return the body if `data` is one whole request with this head, otherwise None."""
        begin = len(self._before)
        end = data.find(b"\r", begin, begin + MOST_DIGITS)
        digits = data[begin:end]
        if not (digits.isdigit() and data.startswith(self._before) and data.startswith(self._after, end)):
            return None
        end += len(self._after)
        return data[end:] if end + int(digits) == len(data) else None
