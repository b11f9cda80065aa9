"""The scan of some rows of a table."""

# The results for consecutive rows can be merged into the result for the whole table.

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import polars.selectors as cs

from mlops.data.batches import Batches
from mlops.data.kinds.scan import Hashes, OtherTotals, ValuePlan, scan_values
from mlops.data.totals import Totals


@dataclass(frozen=True)
class ScanPlan:
    """The plan for scanning a table: the columns to read, with their bins and allowed ranges.

    Parameters
    ----------
    edges : mapping of str to tuple of float
        The bin edges of each column of numbers.
    ranges : mapping of str to pair of float
        The allowed range of each declared column of numbers.
    others : mapping of str to ValuePlan
        The declared columns whose values are not read as numbers.
    unwatched : frozenset of str
        The declared columns that are not tested for drift.
    """

    edges: Mapping[str, tuple[float, ...]]
    ranges: Mapping[str, tuple[float, float]]
    others: Mapping[str, ValuePlan] = field(default_factory=dict)
    unwatched: frozenset[str] = frozenset()

    @property
    def compared(self) -> list[str]:
        """The numeric columns whose values are compared to find duplicate rows."""
        return [name for name in self.edges if name in self.ranges]

    @property
    def is_compared(self) -> bool:
        """True if there are columns whose values can be compared to find duplicate rows."""
        return bool(self.compared or any(other.is_compared for other in self.others.values()))

    @property
    def unique(self) -> list[str]:
        """The columns whose values must be unique."""
        return [name for name, other in self.others.items() if other.is_unique]


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
        A hash of each row, computed from its declared columns. Empty if the table has no declared column.
    """

    totals: Totals
    others: Mapping[str, OtherTotals]
    hashes: Hashes

    def merge(self, later: "RowsScan") -> "RowsScan":
        """Return these results merged with `later`, the results of scanning the rows that follow."""
        return RowsScan(
            totals=self.totals.merge(later.totals),
            others={name: other.merge(later.others[name]) for name, other in self.others.items()},
            hashes=np.concatenate([self.hashes, later.hashes]),
        )


def scan_rows(batches: Batches, plan: ScanPlan, row: int = 0) -> RowsScan:
    """Scan some rows of a table, and return the results. `row` is the number of the first row, counted from 0."""
    totals, numeric, compared = Totals(plan.edges, plan.ranges), list(plan.edges), plan.compared
    hashes, done = np.zeros(batches.rows if plan.is_compared else 0, dtype="uint64"), 0
    for batch in batches.read_numbers(numeric) if numeric and batches.rows else ():
        totals.add(batch, row + done)
        if compared:
            hashes[done : done + batch.height] = _hash_rows(batch.select(compared))
        done += batch.height
    others = {name: scan_values(batches.read_values(name), other, row, hashes) for name, other in plan.others.items()}
    return RowsScan(totals, others, hashes)


def count_copies(hashes: Hashes) -> int:
    """Return the number of hashes that are equal to an earlier hash. Sort the array in place."""
    return find_repeats(hashes)[0]


def find_repeats(hashes: Hashes) -> tuple[int, int]:
    """Sort hashes in place. Return how many are equal to an earlier one, and the smallest of these (0 if none)."""
    hashes.sort()
    repeats = hashes[1:] == hashes[:-1]
    return int(np.count_nonzero(repeats)), int(hashes[repeats.argmax()]) if repeats.any() else 0


def _hash_rows(batch: pl.DataFrame) -> Hashes:
    return batch.with_columns(cs.float().fill_nan(None)).hash_rows().to_numpy()
