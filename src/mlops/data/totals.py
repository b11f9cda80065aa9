"""The totals of columns of numbers, such as mean and range, which are accumulated batch by batch."""

# A column with values above 1e154, whose squares are infinite, has no mean and an infinite standard deviation.

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops.data.blocks import VALUES
from mlops.data.profile import ColumnProfile, merge_columns

TALL = 20_000  # with this number of rows or more, a query with polars is faster
TERMS = 11  # the number of values that a query returns for each column before the counts of its bins


@dataclass(frozen=True)
class ColumnTotals:
    """The totals of a column of numbers.

    Parameters
    ----------
    profile : ColumnProfile
        The profile of the finite values.
    missing : int
        The number of missing values.
    first_missing : int
        The row of the first missing value, counted from 0; -1 if no value is missing.
    lowest, highest : float
        The smallest and the largest value, which may be infinite. Without values, `lowest` is infinity, and
        `highest` is -infinity.
    outside : int
        The number of values outside the column's allowed range.
    """

    profile: ColumnProfile
    missing: int = 0
    first_missing: int = -1
    lowest: float = np.inf
    highest: float = -np.inf
    outside: int = 0


@dataclass
class Totals:
    """The totals of several columns over all batches added so far.

    Parameters
    ----------
    edges : mapping of str to tuple of float
        The bin edges of each column, by its name.
    ranges : mapping of str to pair of float
        The allowed minimum and maximum of a column, by its name. A column without an entry may have any values.
    """

    edges: Mapping[str, tuple[float, ...]]
    ranges: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        self._sums = {name: ColumnTotals(make_empty(edges)) for name, edges in self.edges.items()}
        self._origins: dict[str, float] = {}

    @np.errstate(over="ignore", invalid="ignore")
    def add(self, batch: pl.DataFrame, row: int) -> None:
        """Add a batch of rows. `row` is the number of its first row, counted from 0."""
        self._choose_origins(batch)
        for name, part in (self._count_with_polars if batch.height >= TALL else self._count_with_numpy)(batch):
            if part.missing and self._sums[name].first_missing < 0:
                gaps = batch[name].cast(pl.Float64).fill_nan(None).is_null()
                part = replace(part, first_missing=row + int(gaps.arg_max() or 0))
            self._sums[name] = merge_totals(self._sums[name], part)

    def merge(self, later: "Totals") -> "Totals":
        """Return these totals merged with `later`, the totals of the rows that follow."""
        merged = Totals(self.edges, self.ranges)
        merged._origins = later._origins | self._origins
        for name in self.edges:
            left, right = (part._shift_to_origins(name, merged._origins) for part in (self, later))
            merged._sums[name] = merge_totals(left, right)
        return merged

    def finish(self) -> dict[str, ColumnTotals]:
        """Return the totals of each column."""
        return {name: _add_origin_to_mean(sums, self._origins.get(name, 0.0)) for name, sums in self._sums.items()}

    def _shift_to_origins(self, name: str, origins: Mapping[str, float]) -> ColumnTotals:
        sums = self._sums[name]
        if name not in self._origins:
            return sums
        profile = replace(sums.profile, mean=sums.profile.mean + (self._origins[name] - origins[name]))
        return replace(sums, profile=profile)

    def _choose_origins(self, batch: pl.DataFrame) -> None:
        # Means are computed relative to an origin, the first value. Otherwise, for a mean of 1,000,000 and a standard
        # deviation of 1, the sum of squares would be wrong in its twelfth digit.
        first = batch.row(0, named=True) if batch.height else {}
        for name in self.edges.keys() - self._origins.keys():
            value = first.get(name)
            if value is not None and np.isfinite(value):  # true for most columns, and faster than a search
                self._origins[name] = float(value)
            else:
                self._origins.update((name, origin) for origin in _find_first_finite(batch[name]))

    def _get_range(self, name: str) -> tuple[float, float]:
        return self.ranges.get(name, (-np.inf, np.inf))

    def _count_with_numpy(self, batch: pl.DataFrame) -> Iterator[tuple[str, ColumnTotals]]:
        names, width = list(self.edges), max(VALUES // max(batch.height, 1), 1)
        for start in range(0, len(names), width):
            block = names[start : start + width]
            yield from self._count_block(block, batch.select(pl.col(block).cast(pl.Float64)).to_numpy())

    def _count_block(self, names: Sequence[str], numbers: NDArray[np.float64]) -> Iterator[tuple[str, ColumnTotals]]:
        finite, gaps = np.isfinite(numbers), np.isnan(numbers)
        counts, missing = finite.sum(axis=0).tolist(), gaps.sum(axis=0).tolist()
        apart = np.where(finite, numbers - [self._origins.get(name, 0.0) for name in names], 0.0)
        means = apart.sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
        squares = np.square(apart - means).sum(axis=0, where=finite).tolist()
        low, high = np.array([self._get_range(name) for name in names]).T
        outside = ((numbers < low) | (numbers > high)).sum(axis=0).tolist()
        minima, maxima = _find_extremes(numbers, finite)
        lowest, highest = _find_extremes(numbers, ~gaps)
        for place, (name, mean) in enumerate(zip(names, means.tolist(), strict=True)):
            edges, count = self.edges[name], counts[place]
            bins = np.searchsorted(edges, numbers[finite[:, place], place], side="left")
            profile = ColumnProfile(
                count=count,
                nulls=len(numbers) - count,
                mean=mean,
                squares=squares[place],
                minimum=minima[place] if count else None,
                maximum=maxima[place] if count else None,
                edges=edges,
                histogram=tuple(np.bincount(bins, minlength=len(edges) + 1).tolist()),
            )
            yield name, ColumnTotals(profile, missing[place], -1, lowest[place], highest[place], outside[place])

    def _count_with_polars(self, batch: pl.DataFrame) -> Iterator[tuple[str, ColumnTotals]]:
        terms = [term for name in self.edges for term in self._list_terms(name)]
        found = iter(batch.select(term.alias(str(place)) for place, term in enumerate(terms)).row(0))
        for name, edges in self.edges.items():
            yield name, _read_query_result([next(found) for _ in range(TERMS + len(edges))], batch.height, edges)

    def _list_terms(self, name: str) -> list[pl.Expr]:
        numbers = pl.col(name).cast(pl.Float64)
        there = numbers.fill_nan(None)
        finite = pl.when(numbers.is_finite()).then(numbers)
        apart = finite - self._origins.get(name, 0.0)
        low, high = self._get_range(name)
        return [
            finite.count(),
            apart.mean(),
            apart.var(ddof=0),
            finite.min(),
            finite.max(),
            there.null_count(),
            there.min(),
            there.max(),
            (there < low).sum(),
            (there > high).sum(),
            (there == -np.inf).sum(),
            *((numbers <= edge).sum() for edge in self.edges[name]),  # polars treats NaN as larger than any number
        ]


def _read_query_result(values: Sequence[float | None], rows: int, edges: tuple[float, ...]) -> ColumnTotals:
    count, mean, variance, minimum, maximum, missing, lowest, highest, below, above, least = values[:TERMS]
    finite, infinite = int(count or 0), int(least or 0)
    under = [0, *(int(number or 0) - infinite for number in values[TERMS:]), finite]
    return ColumnTotals(
        profile=ColumnProfile(
            count=finite,
            nulls=rows - finite,
            mean=mean or 0.0,
            squares=(variance or 0.0) * finite,
            minimum=minimum,
            maximum=maximum,
            edges=edges,
            histogram=tuple(int(number) for number in np.diff(under)),
        ),
        missing=int(missing or 0),
        lowest=np.inf if lowest is None else lowest,
        highest=-np.inf if highest is None else highest,
        outside=int(below or 0) + int(above or 0),
    )


def _find_extremes(numbers: NDArray[np.float64], there: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    minima = numbers.min(axis=0, initial=np.inf, where=there)
    return minima.tolist(), numbers.max(axis=0, initial=-np.inf, where=there).tolist()


def _find_first_finite(values: pl.Series) -> Iterator[float]:
    numbers = values.cast(pl.Float64)
    yield from numbers.filter(numbers.is_finite()).head(1)


def _add_origin_to_mean(sums: ColumnTotals, origin: float) -> ColumnTotals:
    profile = sums.profile
    if not np.isfinite(profile.squares):
        return replace(sums, profile=replace(profile, mean=np.nan, squares=np.inf))
    return replace(sums, profile=replace(profile, mean=profile.mean + origin if profile.count else 0.0))


def make_empty(edges: tuple[float, ...]) -> ColumnProfile:
    """Return the profile of a column without values."""
    return ColumnProfile(0, 0, 0.0, 0.0, None, None, edges, (0,) * (len(edges) + 1))


def merge_totals(left: ColumnTotals, right: ColumnTotals) -> ColumnTotals:
    """Return the totals of a column, merged from two parts of a table. The rows of `left` come first."""
    return ColumnTotals(
        profile=merge_columns(left.profile, right.profile),
        missing=left.missing + right.missing,
        first_missing=left.first_missing if left.first_missing >= 0 else right.first_missing,
        lowest=min(left.lowest, right.lowest),
        highest=max(left.highest, right.highest),
        outside=left.outside + right.outside,
    )
