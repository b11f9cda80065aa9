"""The numbers of a table in blocks of columns."""

# A block is faster to process than single columns, and takes less memory than the whole table.

from collections.abc import Iterator

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

VALUES = 500_000  # maximum number of values in a block (4 MB), unless one column has more


def list_blocks(table: pd.DataFrame) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield each block: the slice of its columns, and the numbers in these columns. Missing values are NaN.

    Parameters
    ----------
    table : DataFrame
        A table in which all columns contain numbers.
    """
    rows, every = table.shape
    width = max(VALUES // max(rows, 1), 1)
    for start in range(0, every, width):
        columns = slice(start, min(start + width, every))
        yield columns, table.iloc[:, columns].to_numpy(dtype=float, na_value=np.nan)


def hash_rows(numbers: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row of an array. All missing values count as equal."""
    size = max(VALUES // max(numbers.shape[1], 1), 1000)
    parts = (pl.from_numpy(numbers[start : start + size], orient="row") for start in range(0, len(numbers), size))
    return np.concatenate([part.hash_rows().to_numpy() for part in parts])
