"""The counts of the values of a category, a boolean or an id."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

LIMIT = 1000  # if a column has more distinct unexpected values, only their total count is kept
MOST = 50  # maximum number of values in the profile of a column


@dataclass(frozen=True)
class CountProfile:
    """The profile of a category, a boolean or an id.

    Parameters
    ----------
    kind : str
        The kind of the column: "category", "boolean" or "id".
    count, nulls : int
        The number of values, and the number of missing values.
    values : mapping of str to int
        How often each of the most frequent values occurs. Empty for an id.
    other : int
        The total count of all other values.
    """

    kind: str
    count: int
    nulls: int
    values: Mapping[str, int]
    other: int


@dataclass(frozen=True)
class ValueCounts:
    """The counts of the values of a column in some of the rows. They can be merged with the counts of other rows.

    Parameters
    ----------
    kept : frozenset of str
        The expected values, each of which always has its own count.
    values : mapping of str to int
        How often each value occurs.
    other : int
        The total count of all other values.
    is_crowded : bool
        Whether there are more than `LIMIT` distinct unexpected values, so that `values` has only the expected values.
    """

    kept: frozenset[str] = frozenset()
    values: Mapping[str, int] = field(default_factory=dict)
    other: int = 0
    is_crowded: bool = False

    @property
    def count(self) -> int:
        """The total number of values."""
        return sum(self.values.values()) + self.other

    def list_frequent(self) -> list[tuple[str, int]]:
        """Return the values and how often they occur, the most frequent first."""
        return sorted(self.values.items(), key=lambda value: (-value[1], value[0]))

    def merge(self, later: "ValueCounts") -> "ValueCounts":
        """Merge these counts with those of other rows. Both must have the same expected values."""
        merged = Counter(self.values)
        merged.update(later.values)
        crowded = self.is_crowded or later.is_crowded
        return _limit(self.kept, merged, self.other + later.other, crowded)


def count_values(values: pl.Series, kept: Collection[str] = ()) -> ValueCounts:
    """Count the values of a column of text or booleans. Missing values are not counted.

    Parameters
    ----------
    values : Series
        The result of `mlops.data.kinds.parsing.parse_values`.
    kept : collection of str
        The expected values.
    """
    there, expected = values.drop_nulls().cast(pl.String).alias("value"), frozenset(kept)
    every = len(there)
    crowded = every > LIMIT and there.n_unique() > LIMIT + len(expected)
    if crowded:  # true for names and free text, which have too many distinct values
        there = there.filter(there.is_in(list(expected)))
    found = there.value_counts(name="count")
    counted = dict(zip(found["value"].to_list(), found["count"].to_list(), strict=True))
    return _limit(expected, counted, every - len(there), crowded)


def summarize_counts(kind: str, counts: ValueCounts, nulls: int) -> CountProfile:
    """Return the profile of a column from the counts of its values."""
    # A value that occurs once says little about the distribution, but can identify a person.
    frequent = [name for name, count in counts.list_frequent() if count > 1]
    shown = dict.fromkeys((*sorted(counts.kept), *frequent[:MOST]))
    values = {name: counts.values.get(name, 0) for name in shown}
    return CountProfile(kind, counts.count, nulls, values, counts.count - sum(values.values()))


def _limit(kept: frozenset[str], values: Mapping[str, int], other: int, crowded: bool) -> ValueCounts:
    if not crowded and len(values.keys() - kept) <= LIMIT:
        return ValueCounts(kept, dict(values), other)
    expected = {name: count for name, count in values.items() if name in kept}
    return ValueCounts(kept, expected, other + sum(values.values()) - sum(expected.values()), is_crowded=True)
