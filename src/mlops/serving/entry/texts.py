"""Requests and answers as texts, as they are collected if a script reads the bodies of requests itself."""

import json
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ..collection.layout import BODY
from ..rows import Columns
from .inputs import read_query
from .request import Request

LONGEST_TEXT = 1 << 18  # bytes; longer texts are not collected


def describe_request(request: Request) -> Columns:
    """Return a request as one row with one column: its body or, for a GET request, its query as JSON."""
    content = json.dumps(read_query(request.query)).encode() if request.method == "GET" else request.body
    return {BODY: read_text(content)}


def read_text(content: bytes) -> NDArray[np.object_]:
    """Return a text as an array of length 1, which contains None if the text is too long or not UTF-8."""
    found = np.empty(1, dtype=object)
    if len(content) <= LONGEST_TEXT:
        with suppress(UnicodeDecodeError):
            found[0] = content.decode()
    return found
