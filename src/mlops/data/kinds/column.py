"""The result of scanning a declared column whose values are not read as numbers."""

from dataclasses import dataclass, field, replace

import numpy as np

from mlops.data.kinds.counts import CountProfile, ValueCounts
from mlops.data.kinds.scan import DAYS, OtherTotals
from mlops.data.profile import ColumnProfile
from mlops.data.totals import ColumnTotals
from mlops.numbers import format_number


@dataclass(frozen=True)
class OtherColumn:
    """The result of scanning a declared column whose values are not read as numbers.

    Parameters
    ----------
    kind : str
        The declared kind. "number" if the column should contain numbers, but contains other values.
    type : str
        The pandas name of the column's type in the file, such as "object".
    bad : int
        The number of values that are not of the declared kind.
    example : str
        A value that is not of the declared kind. Empty if there is none.
    missing, first_missing : int
        The number of missing values, and the row of the first missing value, counted from 0 (-1 if none is missing).
    refused : int
        The number of values that are not allowed.
    first_refused : str
        The first value that is not allowed. Empty if there is none.
    repeats : int
        If the values must be unique, the number of values that repeat an earlier value.
    repeated : str
        One of the repeated values. Empty if there is none.
    counts : ValueCounts
        For a category or a boolean, how often each value occurs. For an id, only the total number of values.
    days : ColumnTotals, optional
        For a date, the totals of the column, in days since 1970-01-01.
    """

    kind: str
    type: str
    bad: int
    example: str
    missing: int
    first_missing: int
    refused: int = 0
    first_refused: str = ""
    repeats: int = 0
    repeated: str = ""
    counts: ValueCounts = field(default_factory=ValueCounts)
    days: ColumnTotals | None = None

    @property
    def profile(self) -> ColumnProfile | CountProfile:
        """The distribution of the column."""
        if self.days:
            return replace(self.days.profile, kind=self.kind)
        counts = self.counts
        return CountProfile(self.kind, counts.count, self.missing + self.bad, counts.values, counts.other, counts.bins)

    def describe(self) -> tuple[object, ...]:
        """Return six statistics: number of values, mean, deviation, minimum, maximum, and most frequent value."""
        count, frequent = self.counts.count, self.counts.list_frequent()[:1]
        if self.days and self.days.profile.count:
            days = (self.days.profile.mean, self.days.lowest, self.days.highest)
            mean, low, high = map(show_day, days)
            return (count, mean, np.nan, low, high, "")
        shown = [f"{name} ({format_number(100 * number / count)}%)" for name, number in frequent if number]
        return (count, *(np.nan,) * 4, "".join(shown))


def show_day(day: float) -> str:
    """Format a number of days since 1970-01-01 as a date: "2024-01-31"."""
    return str(np.datetime64(int(np.floor(day)), "D"))


def conclude_column(kind: str, type_name: str, found: OtherTotals, repeats: int, repeated: str) -> OtherColumn:
    """Return the result of scanning a column, given its totals and its repeated values."""
    return OtherColumn(
        kind=kind,
        type=type_name,
        bad=found.bad,
        example=(found.example or found.first or ("",))[0],
        missing=found.missing,
        first_missing=found.first_missing,
        refused=found.refused,
        first_refused=(found.first_refused or ("",))[0],
        repeats=repeats,
        repeated=repeated,
        counts=found.counts,
        days=found.days.finish()[DAYS] if found.days else None,
    )
