"""The fast reading of many rows of numbers, with simdjson."""

# msgspec makes a Python object for each number, which takes most of the time of a request with 1,000 rows. simdjson
# fills an array, and its numbers have the same bits. It says neither which value is wrong nor whether the rows have the
# same length. So what is unusual about a body is left to `serving.rows`.

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .faults import MAX_ROWS
from .schema import Feature

try:
    from csimdjson import Parser  # `simdjson` would also import `json`
except ImportError:  # images of older versions do not have it
    Parser = None

FEWEST_BYTES = 1000  # in a body; msgspec reads smaller bodies as fast
KEPT_BYTES = 1 << 18  # in a body; a parser keeps up to 15 times the memory of the largest body that it has read
# In a body and in its first row. If both have more, numpy finds the rows in less time than `bytes.translate`.
MANY_BYTES, LONG_ROW = 1 << 15, 64
COUNTED = range(2, 256)  # numbers of columns that numpy can count: in a byte, and with a comma in each row
NUMERALS = b"0123456789+-.eE \t\r\n"  # the characters of numbers and white space
SPACE = b" \t\r\n"
BEFORE = b'{"data":['  # precedes the rows
IDS = b'"ids"'
LIMITS = 1 << 14  # limits that are compared at once; to compare row by row takes three times as long
LONGEST_GAP = 3  # between the brackets of two rows, as in "], ["; a value between the rows would need more
WORD = 8  # bytes; see `_find_marks`
_begins_with_list = re.compile(rb'\s*\{\s*"data"\s*:\s*\[\s*\[').match
SentIds = list[int | str | None] | None


class MatrixReader:
    """A reader of bodies whose rows are lists of numbers.

    Parameters
    ----------
    features : sequence of Feature, length k
        The features, all of which are numbers.
    has_ids : bool
        Whether bodies can have the ids of their rows.
    """

    def __init__(self, features: Sequence[Feature], has_ids: bool = False) -> None:
        self._columns = len(features)
        self._has_ids = has_ids
        self._row = b"[%s]," % (b"," * (self._columns - 1))  # without its numbers
        self._low = _list_limits([feature.minimum for feature in features], -math.inf)
        self._high = _list_limits([feature.maximum for feature in features], math.inf)
        # Parsers that are free. A parser can read another body only if nothing of the last one is left, which is not
        # certain after an error. Azure's server reads the bodies in several threads.
        self._parsers: list[Any] = []

    def read_matrix(self, body: bytes) -> tuple[NDArray[np.float64], SentIds] | None:
        """Return the rows of a body, of shape (n, k), and their ids, or None if the body is unusual or invalid.

        A body that is small or has its ids before its rows is unusual, too.
        """
        start = _begins_with_list(body) if Parser and len(body) >= FEWEST_BYTES else None
        if not start:
            return None
        end = body.find(b'"', start.end())  # 20 times as fast as a search for the whole key
        has_ids = end >= 0
        if has_ids and not (self._has_ids and body.startswith(IDS, end)):
            return None
        if has_ids and len(body) > KEPT_BYTES and body.count(b",", end) > MAX_ROWS:
            return None  # a list of four million ids would take 0.07 s
        count = self._count_rows(body[:end], b"],") if has_ids else self._count_rows(body, b"]}")
        if not count:
            return None
        parser = self._parsers.pop() if self._parsers else Parser()
        try:
            values, ids = _parse(parser, body, has_ids)
        except (ValueError, TypeError, AttributeError, RuntimeError, KeyError):  # such as an integer of over 64 bits
            return None
        if len(body) <= KEPT_BYTES:
            self._parsers.append(parser)
        matrix = np.frombuffer(values)
        if matrix.size != count * self._columns or (ids is not None and not _are_ids(ids, count)):
            return None
        matrix = matrix.reshape(count, self._columns)
        return (matrix, ids) if self._is_in_range(matrix) else None

    def _count_rows(self, text: bytes, after: bytes) -> int:
        """Return the number of rows in a text, or 0 if not all rows are lists of k values.

        The rows are followed by `after`. If a text of many bytes is valid JSON, only its first row can have another
        number of values, and the values can be other than numbers.
        """
        if len(text) >= MANY_BYTES and text.find(b"]") >= LONG_ROW and self._columns in COUNTED:
            return self._count_many_rows(text, after)
        frame = text.translate(None, NUMERALS)
        count = (len(frame) - len(BEFORE) + 1 - len(after)) // len(self._row)  # the last row has no comma
        return count if frame == BEFORE + (self._row * count)[:-1] + after else 0

    def _count_many_rows(self, text: bytes, after: bytes) -> int:
        last = text.rfind(b"]", 0, text.rfind(b"]"))  # the end of the last row
        if text[last:].translate(None, SPACE) != b"]" + after or b"u" in text:  # as in null
            return 0
        codes = np.frombuffer(text, np.uint8)
        marks = np.zeros(-(-last // WORD) * WORD, dtype=bool)  # each word is 0 or has a mark
        np.equal(codes[:last], ord("]"), out=marks[:last])
        if np.count_nonzero(marks) >= MAX_ROWS:
            return 0  # the search for their ends would take 0.2 s for four million brackets
        ends = _find_marks(marks)
        if not len(ends):
            return 1
        gap = text.find(b"[", ends[0]) - ends[0]
        np.equal(codes[:last], ord(","), out=marks[:last])
        commas = np.add.reduceat(marks.view(np.uint8), ends, dtype=np.uint8)  # with the one before each row
        # Each row but the last is followed by the beginning of another, so all brackets are in their places.
        regular = 0 < gap <= LONGEST_GAP and (codes[ends + gap] == ord("[")).all() and (commas == self._columns).all()
        return len(ends) + 1 if regular else 0

    def _is_in_range(self, matrix: NDArray[np.float64]) -> bool:
        return _agree(np.greater_equal, matrix.ravel(), self._low) and _agree(np.less_equal, matrix.ravel(), self._high)


def _list_limits(limits: Sequence[float | str | None], otherwise: float) -> NDArray[np.float64] | None:
    if all(limit is None for limit in limits):
        return None
    row = [otherwise if limit is None else limit for limit in limits]
    return np.array(row * max(1, LIMITS // len(row)), dtype=np.float64)


def _agree(compare: np.ufunc, values: NDArray[np.float64], limits: NDArray[np.float64] | None) -> bool:
    if limits is None:
        return True
    for begin in range(0, len(values), len(limits)):
        part = values[begin : begin + len(limits)]
        if np.count_nonzero(compare(part, limits[: len(part)])) < len(part):
            return False
    return True


def _find_marks(marks: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the places of a few marks. `nonzero` alone takes three times as long."""
    words = marks.view(np.uint64)
    marked = (words != 0).nonzero()[0]
    places = words[marked].view(bool).nonzero()[0]
    return marked[places >> 3] * WORD + (places & 7)


def _parse(parser: Any, body: bytes, has_ids: bool) -> tuple[memoryview, SentIds]:
    document = parser.parse(body)
    if len(document) > 1 + has_ids:
        raise KeyError("The body has other keys, or repeated ones.")
    ids = document["ids"].as_list() if has_ids else None
    return document["data"].as_buffer(of_type="d"), ids


def _are_ids(ids: Sequence[object], count: int) -> bool:
    return len(ids) == count and {*map(type, ids)} <= {int, str, type(None)}
