"""The counts of the values of a category or a boolean, and the number of values of an id column."""

import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

LIMIT = 1000  # if a column has more distinct unexpected values, only their total count is kept
MOST = 50  # maximum number of values in the profile of a column
BINS = 64  # a power of 2, so that bins can be merged in pairs

Bins = tuple[int, ...]


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
    bins : tuple of int
        The total count of the other values in each bin (`count_bins`). Empty if there are no other values, if the
        column is an id, or if an older version of mlops wrote the profile.
    """

    kind: str
    count: int
    nulls: int
    values: Mapping[str, int]
    other: int
    bins: Bins = ()

    @property
    def is_consistent(self) -> bool:
        """True if no numbers of the profile contradict each other."""
        if min(self.nulls, self.other, *self.values.values(), *self.bins) < 0:
            return False
        binned = not self.bins or (len(self.bins) == BINS and sum(self.bins) == self.other)
        return binned and sum(self.values.values()) + self.other == self.count


@dataclass(frozen=True)
class ValueCounts:
    """The count of each value in some rows of a column. The counts of different rows can be merged.

    Parameters
    ----------
    kept : frozenset of str
        The expected values. Each of them keeps its own count, however many distinct values there are.
    values : mapping of str to int
        For each value with its own count, how often it occurs.
    other : int
        The total count of all values that are not in `values`.
    is_crowded : bool
        Whether there are more than `LIMIT` distinct unexpected values. If true, `values` has only the expected values.
    bins : tuple of int
        The total count of the other values in each bin (`count_bins`). Empty if there are none, and for an id.
    """

    kept: frozenset[str] = frozenset()
    values: Mapping[str, int] = field(default_factory=dict)
    other: int = 0
    is_crowded: bool = False
    bins: Bins = ()

    @property
    def count(self) -> int:
        """The total number of values."""
        return sum(self.values.values()) + self.other

    def list_frequent(self) -> list[tuple[str, int]]:
        """Return the values and how often they occur, the most frequent first."""
        return sorted(self.values.items(), key=lambda value: (-value[1], value[0]))

    def merge(self, later: "ValueCounts") -> "ValueCounts":
        """Return these counts merged with `later`, the counts of other rows. `kept` must be the same in both."""
        merged = Counter(self.values)
        merged.update(later.values)
        crowded = self.is_crowded or later.is_crowded
        return _limit(self.kept, merged, self.other + later.other, add_bins(self.bins, later.bins), crowded)


def count_values(values: pl.Series, kept: Collection[str] = ()) -> ValueCounts:
    """Return how often each value of a column of text or booleans occurs. Missing values are not counted.

    Parameters
    ----------
    values : Series
        The result of `mlops.data.kinds.parsing.parse_values`.
    kept : collection of str
        The expected values.
    """
    found, expected = values.drop_nulls().cast(pl.String).alias("value").value_counts(name="count"), frozenset(kept)
    is_expected = pl.col("value").is_in(list(expected))
    others = found.filter(~is_expected)
    if len(others) <= LIMIT:
        return ValueCounts(expected, _pair(found))
    # true for names and free text, which have too many distinct values
    bins = count_bins(others["value"].to_list(), others["count"].to_list())
    return ValueCounts(expected, _pair(found.filter(is_expected)), sum(bins), is_crowded=True, bins=bins)


def count_bins(values: Collection[str], counts: Collection[int]) -> Bins:
    """Return the total count of the values in each of 64 bins. Empty if there are no values.

    The checksum of a value determines its bin. If the mix of thousands of values changes, the bins show it, although
    the profile lists none of these values.
    """
    if not values:
        return ()
    places = [zlib.crc32(value.encode()) % BINS for value in values]
    return tuple(np.bincount(places, list(counts), BINS).astype(int).tolist())


def add_bins(left: Bins, right: Bins) -> Bins:
    """Add the counts in the bins of two parts of a table, and return the sums."""
    return tuple(map(sum, zip(left, right, strict=True))) if left and right else left or right


def summarize_counts(kind: str, counts: ValueCounts, nulls: int) -> CountProfile:
    """Return the profile of a column from the counts of its values."""
    # A value that occurs once says little about the distribution, but can identify a person.
    frequent = [name for name, count in counts.list_frequent() if count > 1]
    shown = dict.fromkeys((*sorted(counts.kept), *frequent[:MOST]))
    values = {name: counts.values.get(name, 0) for name in shown}
    others = {name: count for name, count in counts.values.items() if name not in shown}
    bins = add_bins(counts.bins, count_bins(others, others.values()))
    return CountProfile(kind, counts.count, nulls, values, counts.count - sum(values.values()), bins)


def _limit(kept: frozenset[str], values: Mapping[str, int], other: int, bins: Bins, crowded: bool) -> ValueCounts:
    if not crowded and len(values.keys() - kept) <= LIMIT:
        return ValueCounts(kept, dict(values), other, bins=bins)
    expected = {name: count for name, count in values.items() if name in kept}
    others = {name: count for name, count in values.items() if name not in kept}
    bins = add_bins(bins, count_bins(others, others.values()))
    return ValueCounts(kept, expected, other + sum(others.values()), is_crowded=True, bins=bins)


def _pair(counted: pl.DataFrame) -> dict[str, int]:
    return dict(zip(counted["value"].to_list(), counted["count"].to_list(), strict=True))
