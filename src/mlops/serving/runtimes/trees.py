"""Ensembles of small trees, with numpy."""

# The algorithm is QuickScorer (Lucchese et al., 2015). The leaves of a tree have numbers, from left to right. A
# comparison that leads to the right excludes all leaves on its left, and the first leaf that no comparison excludes is
# that of the row. Here, a table has the result of all comparisons of an input: the ends of intervals divide its values,
# and for each interval, the table has the set of leaves that remain in each tree, as the bits of a number. So a row
# needs one search for each input, instead of one comparison for each level of each tree, and no branch of the CPU is
# mispredicted.

from bisect import bisect_left
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from .encoding import Arrays, Matrix, round_numbers
from .linear import LINKS
from .record import Record

# Arrays: the inputs that are compared, how many ends the intervals of each one have, these ends, the table, and the
# values of the leaves.
INPUTS, LENGTHS, POINTS, LEAVES, VALUES = "inputs", "lengths", "points", "leaves", "values"
FEW = 3  # rows; up to this number, searches in lists are faster: 7 instead of 12 microseconds for a row
BLOCK = 300_000  # bytes of an array; larger ones leave the caches of the CPU
Leaves = NDArray[np.unsignedinteger]


def open_trees(record: Record, arrays: Arrays) -> Callable[[Matrix], Matrix]:
    """Return the function that predicts with an ensemble of trees."""
    few, many = _open_few(arrays), _open_many(arrays)
    add, link, single = _open_sums(arrays[VALUES], arrays[LEAVES].itemsize), LINKS[record.link], record.single
    most = max(FEW, BLOCK // arrays[VALUES][..., 0].nbytes)  # rows of a block

    def predict(matrix: Matrix) -> Matrix:
        if single:
            matrix = round_numbers(matrix).astype(np.float64)
        if len(matrix) <= most:
            sums = add((few if 0 < len(matrix) <= FEW else many)(matrix))
        else:
            blocks = (matrix[begin : begin + most] for begin in range(0, len(matrix), most))
            sums = np.concatenate([add(many(block)) for block in blocks])
        return link(sums) if link else sums

    return predict


def _list_inputs(arrays: Arrays) -> Iterator[tuple[int, Matrix, slice]]:
    """Yield each input that is compared, the ends of its intervals, and its rows of the table. The last is for NaN."""
    end = row = 0
    for column, length in zip(arrays[INPUTS].tolist(), arrays[LENGTHS].tolist(), strict=True):
        yield column, arrays[POINTS][end : end + length], slice(row, row + length + 1)
        end, row = end + length, row + length + 1


def _open_few(arrays: Arrays) -> Callable[[Matrix], Leaves]:
    """Return a function that finds the leaves that remain in each tree, for a few rows."""
    table = arrays[LEAVES]
    inputs = [(column, ends.tolist(), rows.start, rows.stop - 1) for column, ends, rows in _list_inputs(arrays)]

    def search(row: list[float]) -> list[int]:
        # Only NaN differs from itself.
        return [
            bisect_left(ends, row[column]) + first if row[column] == row[column] else last
            for column, ends, first, last in inputs
        ]

    def find(matrix: Matrix) -> Leaves:
        places = np.array([search(row) for row in matrix.tolist()], dtype=np.intp)
        found: Leaves = np.bitwise_and.reduce(table.take(places, axis=0), axis=1)
        return found

    return find


def _open_many(arrays: Arrays) -> Callable[[Matrix], Leaves]:
    """Return a function that finds the leaves that remain in each tree, for more rows."""
    table = arrays[LEAVES]
    inputs = [(column, ends.searchsorted, table[rows].take) for column, ends, rows in _list_inputs(arrays)]
    trees, every = table.shape[1], np.iinfo(table.dtype).max

    def find(matrix: Matrix) -> Leaves:
        found: Leaves = np.full((len(matrix), trees), every, dtype=table.dtype)
        for column, search, take in inputs:
            found &= take(search(matrix[:, column]), axis=0)
        return found

    return find


def _open_sums(values: Matrix, size: int) -> Callable[[Leaves], Matrix]:
    """Return a function that adds the values of the first leaf that remains in each tree; `size` is that of a set."""
    targets, trees, leaves = values.shape
    real, whole, digits, bias = (np.float64, np.int64, 52, 1023) if size > 4 else (np.float32, np.int32, 23, 127)
    first = np.arange(targets * trees, dtype=whole) * leaves - bias
    flat = values.ravel()

    def add(remaining: Leaves) -> Matrix:
        remaining &= -remaining  # keeps the lowest bit, whose place is the exponent of the number
        found: NDArray[np.signedinteger] = remaining.astype(real).view(whole)
        found >>= digits
        found += first
        added = flat.take(found.T).reshape(targets, trees, len(remaining))
        # One tree after the other, as scikit-learn adds them. For a single row, `sum` would add in pairs.
        sums: Matrix = (added.sum(axis=1) if len(remaining) != 1 else added.cumsum(axis=1)[:, -1]).T
        return sums

    return add
