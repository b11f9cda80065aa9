"""The scan of a declared column whose values are not read as numbers."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops.data.kinds.counts import ValueCounts, count_values
from mlops.data.kinds.parsing import count_days, find_bad, find_gaps, find_words, parse_values
from mlops.data.totals import Totals
from mlops.problem.column import COUNTED

Hashes = NDArray[np.uint64]
DAYS = "days"  # the name of a column of dates in its own totals
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # an odd factor, so that different hashes stay different


@dataclass(frozen=True)
class ValuePlan:
    """The plan for scanning a declared column: the rules for its values, and the values to count.

    Parameters
    ----------
    kind : str
        The declared kind. "number" means that the column should contain numbers, but contains other values.
    is_unique : bool
        Whether no two rows may have the same value.
    allowed : frozenset of str
        The allowed values of a category. Empty if any value is allowed.
    kept : frozenset of str
        The expected values of a category or a boolean. Each has its own count, even if other values are counted
        together.
    edges : tuple of float
        The edges of the bins of a date, in days since 1970-01-01.
    range : pair of float
        The allowed range of a date, in days since 1970-01-01.
    """

    kind: str
    is_unique: bool = False
    allowed: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    edges: tuple[float, ...] = ()
    range: tuple[float, float] = (-np.inf, np.inf)

    @property
    def is_compared(self) -> bool:
        """True if the values of this column are compared to find duplicate rows."""
        return self.kind != "number"


@dataclass(frozen=True)
class OtherTotals:
    """The totals of a column whose values are not read as numbers.

    Parameters
    ----------
    bad : int
        The number of values that are not of the column's kind.
    first, example : tuple of str
        The first value that is not of the kind; empty if there is none. `example` is the same value, except if the kind
        is "number": then numbers written as text are skipped, so `example` can be "ten", but not "10".
    missing, first_missing : int
        The number of missing values, and the row of the first one, counted from 0, or -1 if no value is missing.
    refused : int
        The number of values that are not allowed.
    first_refused : tuple of str
        The first value that is not allowed. Empty if there is none.
    counts : ValueCounts
        For a category or a boolean, how often each value occurs. For an id, only the total number of values.
    days : Totals, optional
        The totals of a date, in days since 1970-01-01.
    ids : array of uint64
        A hash of each value of a column whose values must be unique.
    """

    bad: int = 0
    first: tuple[str, ...] = ()
    example: tuple[str, ...] = ()
    missing: int = 0
    first_missing: int = -1
    refused: int = 0
    first_refused: tuple[str, ...] = ()
    counts: ValueCounts = field(default_factory=ValueCounts)
    days: Totals | None = None
    ids: Hashes = field(default_factory=lambda: np.empty(0, dtype="uint64"))

    def merge(self, later: "OtherTotals") -> "OtherTotals":
        """Return these totals merged with `later`, the totals of the rows that follow."""
        return OtherTotals(
            bad=self.bad + later.bad,
            first=self.first or later.first,
            example=self.example or later.example,
            missing=self.missing + later.missing,
            first_missing=self.first_missing if self.first_missing >= 0 else later.first_missing,
            refused=self.refused + later.refused,
            first_refused=self.first_refused or later.first_refused,
            counts=self.counts.merge(later.counts),
            days=self.days.merge(later.days) if self.days and later.days else self.days or later.days,
            ids=np.concatenate([self.ids, later.ids]) if len(later.ids) else self.ids,
        )


def scan_values(parts: Iterable[pl.Series], plan: ValuePlan, row: int, hashes: Hashes) -> OtherTotals:
    """Scan the values of a column, and return their totals.

    Parameters
    ----------
    parts : iterable of Series
        The values, in batches.
    plan : ValuePlan
        The rules of the column.
    row : int
        The number of the first row, counted from 0.
    hashes : array of uint64
        A hash of each row, changed in place if the values of this column are compared to find duplicate rows.
    """
    found, ids, done = OtherTotals(counts=ValueCounts(plan.kept)), [], 0
    for values in parts:
        parsed = parse_values(values, plan.kind)
        if plan.is_compared:
            part = hashes[done : done + len(values)]
            part *= MULTIPLIER
            part ^= parsed.hash().to_numpy()
        if plan.is_unique:
            ids.append(hash_ids(parsed.drop_nulls()))
        found, done = found.merge(_scan_part(values, parsed, plan, row + done)), done + len(values)
    return found.merge(OtherTotals(counts=ValueCounts(plan.kept), ids=np.concatenate(ids))) if ids else found


def hash_ids(values: pl.Series) -> Hashes:
    """Return a hash of each id."""
    return values.hash().to_numpy()


def find_id(parts: Iterable[pl.Series], wanted: int) -> str:
    """Return the first id with the hash `wanted`, or "" if there is none."""
    for values in parts:
        ids = parse_values(values, "id").drop_nulls()
        found = ids.filter(ids.hash() == wanted)
        if len(found):
            return str(found[0])
    return ""


def _scan_part(values: pl.Series, parsed: pl.Series, plan: ValuePlan, row: int) -> OtherTotals:
    gaps, bad = find_gaps(values), find_bad(values, parsed)
    words = find_words(values, bad) if plan.kind == "number" else bad
    refused = parsed.drop_nulls().head(0)
    if plan.allowed:
        refused = parsed.filter(parsed.is_not_null() & ~parsed.is_in(list(plan.allowed)))
    return OtherTotals(
        bad=int(bad.sum()),
        first=_show_first(values.filter(bad)),
        example=_show_first(values.filter(words)),
        missing=int(gaps.sum()),
        first_missing=row + int(gaps.arg_max() or 0) if gaps.any() else -1,
        refused=len(refused),
        first_refused=_show_first(refused),
        counts=_count(parsed, plan),
        days=_total_days(parsed, plan, row) if plan.kind == "date" else None,
    )


def _count(parsed: pl.Series, plan: ValuePlan) -> ValueCounts:
    if plan.kind in COUNTED:
        return count_values(parsed, plan.kept)
    return ValueCounts(plan.kept, other=len(parsed) - parsed.null_count())


def _total_days(parsed: pl.Series, plan: ValuePlan, row: int) -> Totals:
    totals = Totals({DAYS: plan.edges}, {DAYS: plan.range})
    totals.add(pl.DataFrame({DAYS: count_days(parsed)}), row)
    return totals


def _show_first(values: pl.Series) -> tuple[str, ...]:
    return (str(values[0]),) if len(values) else ()
