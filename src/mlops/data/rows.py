"""The scan of some rows of a table.

The scans of consecutive rows can be merged into the scan of the whole table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from mlops.data.batches import Batches
from mlops.data.totals import Totals

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that different hashes stay different when they are multiplied


@dataclass(frozen=True)
class ScanPlan:
    """The columns that a scan of a table reads, with the bins and ranges in which it counts their values.

    Parameters
    ----------
    edges : mapping of str to tuple of float
        The bin edges of each column of numbers.
    ranges : mapping of str to pair of float
        The range of each declared column of numbers.
    others : tuple of str
        The declared columns whose values are not read as numbers.
    allowed : mapping of str to set of str
        The allowed values of each declared category. An empty set allows any value.
    """

    edges: Mapping[str, tuple[float, ...]]
    ranges: Mapping[str, tuple[float, float]]
    others: tuple[str, ...]
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def compared(self) -> list[str]:
        """The columns of numbers in which rows are compared to find copies."""
        return [name for name in self.edges if name in self.ranges]

    @property
    def is_compared(self) -> bool:
        """True if there are columns, of numbers or categories, in which rows can be compared."""
        return bool(self.compared or any(name in self.allowed for name in self.others))


@dataclass(frozen=True)
class OtherTotals:
    """The totals of a column whose values are not numbers.

    Parameters
    ----------
    first, example : tuple of str
        The first value, and the first value that is not a number. Empty if there is no such value.
    missing, first_missing : int
        The number of missing values, and the row of the first one, counted from 0, or -1 if no value is missing.
    refused : int
        The number of values that are not allowed.
    first_refused : tuple of str
        The first value that is not allowed. Empty if there is none.
    """

    first: tuple[str, ...] = ()
    example: tuple[str, ...] = ()
    missing: int = 0
    first_missing: int = -1
    refused: int = 0
    first_refused: tuple[str, ...] = ()

    def merge(self, later: "OtherTotals") -> "OtherTotals":
        """Merge these totals with `later`, the totals of the rows that follow."""
        return OtherTotals(
            first=self.first or later.first,
            example=self.example or later.example,
            missing=self.missing + later.missing,
            first_missing=self.first_missing if self.first_missing >= 0 else later.first_missing,
            refused=self.refused + later.refused,
            first_refused=self.first_refused or later.first_refused,
        )


@dataclass(frozen=True)
class RowsScan:
    """The results of scanning some rows of a table.

    Parameters
    ----------
    totals : Totals
        The totals of the columns of numbers.
    others : mapping of str to OtherTotals
        The totals of the other declared columns.
    hashes : array of uint64, length rows
        A hash of each row, computed from its numbers and categories. Empty if it has neither.
    """

    totals: Totals
    others: Mapping[str, OtherTotals]
    hashes: NDArray[np.uint64]

    def merge(self, later: "RowsScan") -> "RowsScan":
        """Merge these results with `later`, the results of scanning the rows that follow."""
        return RowsScan(
            totals=self.totals.merge(later.totals),
            others={name: other.merge(later.others[name]) for name, other in self.others.items()},
            hashes=np.concatenate([self.hashes, later.hashes]),
        )


def scan_rows(batches: Batches, plan: ScanPlan, row: int = 0) -> RowsScan:
    """Scan some rows of a table, of which the first has the number `row`, counted from 0."""
    totals, numeric, compared = Totals(plan.edges, plan.ranges), list(plan.edges), plan.compared
    hashes, done = np.zeros(batches.rows if plan.is_compared else 0, dtype="uint64"), 0
    for batch in batches.read_numbers(numeric) if numeric and batches.rows else ():
        totals.add(batch, row + done)
        if compared:
            hashes[done : done + batch.height] = _hash_rows(batch.select(compared))
        done += batch.height
    others = {name: _scan_values(name, batches, row, plan.allowed.get(name), hashes) for name in plan.others}
    return RowsScan(totals, others, hashes)


def count_copies(hashes: NDArray[np.uint64]) -> int:
    """Return the number of hashes that equal an earlier hash, and sort the array in place."""
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] == hashes[:-1]))


def _hash_rows(batch: pl.DataFrame) -> NDArray[np.uint64]:
    """Return a hash of each row, in which null and NaN count as equal."""
    return batch.with_columns(cs.float().fill_nan(None)).hash_rows().to_numpy()


def _scan_values(
    name: str, batches: Batches, begin: int, allowed: frozenset[str] | None, hashes: NDArray[np.uint64]
) -> OtherTotals:
    """Return the totals of a column. If `allowed` is not None, make the hashes of the rows depend on its values."""
    found, row = OtherTotals(), begin
    for values in batches.read_values(name):
        gaps = values.isna().to_numpy()
        refused = values.head(0)
        if allowed is not None:
            texts = _show_values(values, gaps)
            refused = texts[~gaps & ~texts.isin(allowed)] if allowed else refused
            _add_hashes(hashes[row - begin : row - begin + len(values)], texts)
        words = values.head(0) if found.example else values[pd.to_numeric(values, errors="coerce").isna()].dropna()
        part = OtherTotals(
            first=_show_first(values),
            example=_show_first(words),
            missing=int(gaps.sum()),
            first_missing=row + int(gaps.argmax()) if gaps.any() else -1,
            refused=len(refused),
            first_refused=_show_first(refused),
        )
        found, row = found.merge(part), row + len(values)
    return found


def _show_values(values: pd.Series, gaps: NDArray[np.bool_]) -> pd.Series:
    """Return the values of a category as text, with whole numbers without a decimal point."""
    if values.dtype.kind == "f":
        return values.map("{:g}".format)
    return values.astype("object").where(~gaps, None).astype(str)


def _add_hashes(hashes: NDArray[np.uint64], texts: pd.Series) -> None:
    """Change the hash of each row, in place, so that it also depends on the row's value in `texts`."""
    hashes *= MULTIPLIER
    hashes ^= pd.util.hash_array(texts.to_numpy(dtype="object"))


def _show_first(values: pd.Series) -> tuple[str, ...]:
    return (str(values.iloc[0]),) if len(values) else ()
