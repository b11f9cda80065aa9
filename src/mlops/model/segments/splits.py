"""The split of rows into segments by a column: one for each common value, or four of similar size for numbers."""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.numbers import format_distinct, format_value
from mlops.problem import Column

LEAST_SHARE = 0.05  # rarer values are combined into one segment
QUARTERS = (0.25, 0.5, 0.75)
LONGEST_LABEL = 40

Marks = NDArray[np.bool_]


def split_column(column: Column, values: pd.Series) -> list[tuple[str, Marks]]:
    """Return the segments of a column, each with its name and an array that marks its rows.

    In a column of categories or booleans, each value has its own segment, but values that occur in fewer than 5 % of
    the rows are combined into one segment. A column of numbers is split into four segments, each with about a
    quarter of the rows; equal numbers are in the same segment. If a column with the role "ignored" is declared as
    numbers but contains text, it is treated as a column of categories. Missing values are a segment of their own.
    """
    missing = values.isna().to_numpy(dtype=bool)
    number = column.kind == "number" and pd.api.types.is_any_real_numeric_dtype(values.dtype)
    parts = [*(_split_number(values) if number else _split_values(values))]
    if missing.any():
        parts.append(("missing", missing))
    return [(f"{column.name} {label}", marks) for label, marks in parts]


def _split_values(values: pd.Series) -> Iterator[tuple[str, Marks]]:
    codes, found = pd.factorize(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    rare = counts < LEAST_SHARE * len(values)
    if rare.sum() == 1:
        rare[:] = False
    labels = sorted((-counts[code], _label(found[code]), code) for code in np.flatnonzero(~rare))
    yield from ((label, codes == code) for _, label, code in labels)
    if rare.any():
        yield f"other ({rare.sum():,} values)", np.isin(codes, np.flatnonzero(rare))


def _split_number(values: pd.Series) -> Iterator[tuple[str, Marks]]:
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    found, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    if not found.size:
        return
    # The boundary of a quarter moves to the nearest place between two different values.
    shares = np.array([0, *counts.cumsum()]) / counts.sum()
    ends = sorted({0, len(found), *(int(np.abs(shares - quarter).argmin()) for quarter in QUARTERS)})
    ranges = [(found[start], found[end - 1]) for start, end in zip(ends, ends[1:], strict=False)]
    shown = iter(format_distinct([float(end) for ends in ranges for end in ends]))
    for low, high in ranges:
        first, last = next(shown), next(shown)
        yield first if first == last else f"{first} to {last}", (numbers >= low) & (numbers <= high)


def _label(value: object) -> str:
    if not isinstance(value, str):
        return format_value(value.item() if isinstance(value, np.generic) else value)
    text = json.dumps(value, ensure_ascii=False)  # quotes distinguish a value from the segment `other`
    return text if len(text) <= LONGEST_LABEL else f'{text[: LONGEST_LABEL - 2]}…"'
