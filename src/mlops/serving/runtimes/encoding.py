"""The computation of a model's inputs from rows, with numpy instead of scikit-learn's transformers."""

# A pipeline of scikit-learn takes milliseconds for a single row, most of it to check its arguments and to handle
# DataFrames. The same numbers take microseconds here.

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .record import Numbers, Record, Step, Texts

Matrix = NDArray[np.float64]
Rows = NDArray[Any] | Mapping[str, NDArray[Any]]
Arrays = Mapping[str, NDArray[Any]]
Compute = Callable[[Matrix], Matrix]
MISSING, UNKNOWN = -2, -1  # the last rows of a table
FEW_ROWS = 50
TILE = 1 << 14  # numbers; an array of all columns of 1,000 rows is usually smaller


class Encoder:
    """A function that computes the inputs of a model.

    Parameters
    ----------
    record : Record
        The record of the model.
    arrays : mapping of str to array
        The arrays that the record names.
    """

    def __init__(self, record: Record, arrays: Arrays) -> None:
        self._columns = record.columns
        self._blocks = [_open_block(block, record.columns, arrays) for block in record.blocks]
        self._steps = [_open_step(step, arrays) for step in record.steps]

    def __call__(self, rows: Rows) -> Matrix:
        """Return the inputs for rows, as an array of shape (n, inputs) in C order.

        Raises
        ------
        ValueError
            If the rows do not have the columns of the model, or have a value that the model refuses.
        """
        matrix = self._encode(rows) if self._blocks else read_matrix(rows, self._columns)
        for step in self._steps:
            matrix = step(matrix)
        return matrix

    def _encode(self, rows: Rows) -> Matrix:
        parts = [block(rows) for block in self._blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def read_matrix(rows: Rows, columns: Sequence[str]) -> Matrix:
    """Return columns of numbers as an array of shape (n, k) in C order. A missing value is NaN.

    Raises
    ------
    ValueError
        If the rows are an array with another number of columns.
    """
    if isinstance(rows, np.ndarray):
        if rows.ndim != 2 or rows.shape[1] != len(columns):
            found = rows.shape[1] if rows.ndim == 2 else "no"
            raise ValueError(f"a row has {found} numbers, but it needs {len(columns)}: {', '.join(columns)}")
        return np.ascontiguousarray(rows, dtype=np.float64)
    matrix = np.empty((len(rows[columns[0]]), len(columns)))
    for place, name in enumerate(columns):
        matrix[:, place] = rows[name]
    return matrix


def require_finite(matrix: Matrix) -> None:
    """Check that numbers are neither missing nor infinite.

    Raises
    ------
    ValueError
        If one is.
    """
    if np.count_nonzero(np.isfinite(matrix)) < matrix.size:  # takes half the time of `all`
        raise ValueError("data has missing values, or numbers that are too large for the model")


def round_numbers(matrix: Matrix) -> NDArray[np.float32]:
    """Return the inputs of trees in single precision, as forests of scikit-learn compare them.

    Raises
    ------
    ValueError
        If a number is too large for single precision. scikit-learn refuses such numbers, too.
    """
    with np.errstate(over="ignore"):
        rounded = matrix.astype(np.float32)
    if np.count_nonzero(np.isinf(rounded)):
        raise ValueError("data has numbers that are too large for the model")
    return rounded


def _open_block(block: Numbers | Texts, columns: Sequence[str], arrays: Arrays) -> Callable[[Rows], Matrix]:
    if isinstance(block, Texts):
        return _open_table(block, columns[block.column], arrays[block.table])
    places, names = list(block.columns), [columns[place] for place in block.columns]
    steps = [_open_step(step, arrays) for step in block.steps]

    def compute(rows: Rows) -> Matrix:
        matrix = rows[:, places] if isinstance(rows, np.ndarray) else read_matrix(rows, names)
        for step in steps:
            matrix = step(matrix)
        return matrix

    return compute


def _open_table(block: Texts, name: str, table: Matrix) -> Callable[[Rows], Matrix]:
    missing, unknown = len(table) + MISSING, len(table) + UNKNOWN
    codes: dict[Any, int] = {value: place for place, value in enumerate(block.values)}
    if "missing" not in block.refused:
        codes |= {None: missing, np.nan: missing}

    def find_code(value: Any) -> int:
        # Only NaN differs from itself.
        said: Literal["missing", "unknown"] = "missing" if value is None or value != value else "unknown"
        if value in codes:
            return codes[value]
        if said in block.refused:
            raise ValueError(f"the model does not accept a value of {name} that is {said}")
        return missing if said == "missing" else unknown

    def look_up(rows: Rows) -> Matrix:
        values = (rows[:, block.column] if isinstance(rows, np.ndarray) else rows[name]).tolist()
        try:  # takes half the time of a loop
            found = np.fromiter(map(codes.__getitem__, values), np.intp, len(values))
        except KeyError:  # an unknown value, or a NaN that is not `np.nan`
            found = np.array([find_code(value) for value in values])
        return table.take(found, axis=0)

    return look_up


def _open_step(step: Step, arrays: Arrays) -> Compute:
    return STEPS[step.name](*(arrays[name] for name in step.arrays))


def _open_arithmetic(compute: np.ufunc) -> Callable[[Matrix], Compute]:
    """Return a function that opens a step, which computes with the numbers of each column and a number for this column.

    numpy's loop over the rows takes three times as long as a loop over all numbers, so the array is repeated. numpy
    loops over the columns of a matrix in Fortran order. It stays in this order, because linear models add the numbers
    in another sequence then, as in scikit-learn.
    """

    def open_step(array: Matrix) -> Compute:
        tile = np.tile(array.reshape(-1), max(1, TILE // max(1, array.size)))

        def apply(matrix: Matrix) -> Matrix:
            if len(matrix) < FEW_ROWS or not matrix.flags.c_contiguous:
                found: Matrix = compute(matrix, array)
                return found
            flat = matrix.reshape(-1)
            found = np.empty_like(flat)
            for begin in range(0, len(flat), len(tile)):
                part = flat[begin : begin + len(tile)]
                compute(part, tile[: len(part)], out=found[begin : begin + len(tile)])
            return found.reshape(matrix.shape)

        return apply

    return open_step


def _impute(fill: Matrix, flagged: NDArray[Any]) -> Compute:
    def impute(matrix: Matrix) -> Matrix:
        gaps = np.isnan(matrix)
        filled = np.where(gaps, fill, matrix)
        return np.concatenate([filled, gaps[:, flagged]], axis=1) if len(flagged) else filled

    return impute


STEPS: Mapping[str, Callable[..., Compute]] = {
    "subtract": _open_arithmetic(np.subtract),
    "divide": _open_arithmetic(np.divide),
    "multiply": _open_arithmetic(np.multiply),
    "add": _open_arithmetic(np.add),
    "clip": lambda low, high: lambda matrix: np.clip(matrix, low, high),
    "take": lambda places: lambda matrix: matrix[:, places],
    "project": lambda components: lambda matrix: matrix @ components.T,  # transposed here, as in scikit-learn
    "impute": _impute,
}
