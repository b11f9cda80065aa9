"""The numbers of a table in blocks of columns.

A wide table has too many columns to treat each by itself: for pandas, taking out a column takes 20 µs, and each call of
numpy some more. A tall table has too many rows to convert all columns at once. A block has few columns of a tall table
and many of a wide one.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

VALUES = 500_000  # in a block; 4 MB


def list_blocks(table: pd.DataFrame) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield the places of some columns, and their numbers, in which missing values are not numbers.

    Parameters
    ----------
    table : DataFrame
        Columns of numbers.
    """
    rows, every = table.shape
    width = max(VALUES // max(rows, 1), 1)
    for start in range(0, every, width):
        columns = slice(start, min(start + width, every))
        yield columns, table.iloc[:, columns].to_numpy(dtype=float, na_value=np.nan)


def hash_rows(numbers: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return a hash of 64 bits for each row. Missing values are equal to each other."""
    size = max(VALUES // max(numbers.shape[1], 1), 1000)
    parts = (pl.from_numpy(numbers[start : start + size], orient="row") for start in range(0, len(numbers), size))
    return np.concatenate([part.hash_rows().to_numpy() for part in parts])
