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

from .schema import Feature

try:
    from csimdjson import Parser  # `simdjson` would also import `json`
except ImportError:  # images of older versions do not have it
    Parser = None

FEWEST_BYTES = 1000  # in a body; msgspec reads smaller bodies as fast
KEPT_BYTES = 1 << 18  # in a body; a parser keeps up to 15 times the memory of the largest body that it has read
NUMERALS = b"0123456789+-.eE \t\r\n"  # the characters of numbers and white space
BEFORE, AFTER = b'{"data":[', b"]}"  # the rows
_begins_with_list = re.compile(rb'\s*\{\s*"data"\s*:\s*\[\s*\[').match


class MatrixReader:
    """A reader of bodies whose rows are lists of numbers.

    Parameters
    ----------
    features : sequence of Feature, length k
        The features, all of which are numbers.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._columns = len(features)
        self._row = b"[%s]," % (b"," * (self._columns - 1))  # without its numbers
        self._low = _list_limits([feature.minimum for feature in features], -math.inf)
        self._high = _list_limits([feature.maximum for feature in features], math.inf)
        # Parsers that are free. A parser can read another body only if nothing of the last one is left, which is not
        # certain after an error. Azure's server reads the bodies in several threads.
        self._parsers: list[Any] = []

    def read_matrix(self, body: bytes) -> NDArray[np.float64] | None:
        """Return the rows of a body, of shape (n, k), or None if the body is small, unusual or invalid."""
        if Parser is None or len(body) < FEWEST_BYTES or not _begins_with_list(body):
            return None
        frame = body.translate(None, NUMERALS)
        count = (len(frame) - len(BEFORE) + 1 - len(AFTER)) // len(self._row)  # the last row has no comma
        if frame != BEFORE + (self._row * count)[:-1] + AFTER:
            return None
        parser = self._parsers.pop() if self._parsers else Parser()
        try:
            values = parser.parse(body)["data"].as_buffer(of_type="d")
        except (ValueError, RuntimeError, KeyError):  # no valid number, or a whole number of more than 64 bits
            return None
        if len(body) <= KEPT_BYTES:
            self._parsers.append(parser)
        matrix = np.frombuffer(values).reshape(count, self._columns)
        return matrix if self._is_in_range(matrix) else None

    def _is_in_range(self, matrix: NDArray[np.float64]) -> bool:
        return (self._low is None or bool((matrix >= self._low).all())) and (
            self._high is None or bool((matrix <= self._high).all())
        )


def _list_limits(limits: Sequence[float | str | None], otherwise: float) -> NDArray[np.float64] | None:
    if all(limit is None for limit in limits):
        return None
    return np.array([otherwise if limit is None else limit for limit in limits], dtype=np.float64)
