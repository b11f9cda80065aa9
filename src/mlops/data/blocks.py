"""The numbers of a table in blocks of columns.

A wide table has too many columns to treat each by itself: for pandas, taking out a column takes 20 µs, and each call of
numpy some more. A tall table has too many rows to convert all columns at once. A block has few columns of a tall table
and many of a wide one.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
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
