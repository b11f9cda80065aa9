"""The search for exact quantiles of a column whose values are in several files, called parts.

A quantile is the value with a given rank in the sorted column. For each quantile, the search keeps a window: a range of
values that contains the quantile. In each round, a worker outlines each part: it returns a few of the part's values
in the window, called points, with their ranks. From all outlines, the search computes a narrower window.

Source: Munro and Paterson (1980), "Selection and sorting with limited storage".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops.data.profile import BINS, choose_ranks, has_few_values, place_edges, surround_values


class Window(NamedTuple):
    """The range of values from `low` to `high`, including both ends."""

    low: float
    high: float


EVERYTHING = Window(-np.inf, np.inf)


@dataclass(frozen=True)
class Outline:
    """A summary of the values of one file in a window.

    Parameters
    ----------
    below, count : int
        The number of values below the window, and the number of values in the window.
    points : array of float, ascending
        Distinct values in the window, including the smallest and the largest.
    before, until : array of int
        For each point, the number of values in the window that are smaller than the point, and the number that are
        smaller or equal.
    after : float
        The smallest value above the window. Infinity if there is none.
    complete : bool
        Whether `points` has all distinct values in the window.
    """

    below: int
    count: int
    points: NDArray[np.float64]
    before: NDArray[np.int64]
    until: NDArray[np.int64]
    after: float
    complete: bool


@dataclass(frozen=True)
class Search:
    """The state of the search for the quantiles of a column.

    Parameters
    ----------
    windows : mapping of int to Window
        The window of each quantile, by the rank of the quantile, counted from 0.
    found : mapping of float to float
        The quantiles that were found, each with the next larger value, or infinity if there is none.
    lowest, highest : float
        The smallest and the largest value. Infinity and -infinity if the column has no values.
    few : array of float, ascending
        All distinct values, if the column has so few that each gets its own bin. Otherwise empty.
    """

    windows: Mapping[int, Window]
    found: Mapping[float, float]
    lowest: float
    highest: float
    few: NDArray[np.float64]

    def list_windows(self) -> list[Window]:
        """Return the windows to outline in the next round. Empty if all quantiles are found."""
        return list(dict.fromkeys(self.windows.values()))

    def narrow(self, outlines: Sequence[Mapping[Window, Outline]]) -> "Search":
        """Return the state of the search after a round. `outlines` has the outlines of each file, by window."""
        found, windows = dict(self.found), {}
        merged = {window: _merge([part[window] for part in outlines]) for window in self.list_windows()}
        for rank, window in self.windows.items():
            low, high, after, complete = merged[window].find(rank)
            if complete:
                found[low] = after
            else:
                windows[rank] = Window(low, high)
        return replace(self, windows=windows, found=found)

    def place_edges(self) -> tuple[float, ...]:
        """Return the edges of the column's bins, once all quantiles are found."""
        if self.lowest > self.highest:
            return ()
        if self.few.size:
            return surround_values(self.few)
        between = [(value, after) for value, after in sorted(self.found.items()) if value < self.highest]
        return place_edges(self.lowest, self.highest, between)


def begin_search(outlines: Sequence[Outline], bins: int = BINS) -> Search:
    """Return the first state of a search for a column's quantiles. Each outline covers all values in one file."""
    points = np.unique(np.concatenate([outline.points for outline in outlines]))
    count, complete = sum(outline.count for outline in outlines), all(outline.complete for outline in outlines)
    is_few = complete and has_few_values(len(points), count)
    begun = Search(
        windows={} if is_few else dict.fromkeys(map(int, choose_ranks(count, bins)), EVERYTHING),
        found={},
        lowest=float(points.min(initial=np.inf)),
        highest=float(points.max(initial=-np.inf)),
        few=points if is_few else np.empty(0),
    )
    return begun.narrow([{EVERYTHING: outline} for outline in outlines])


def outline(values: NDArray[np.float64], window: Window, most: int) -> Outline:
    """Return an outline of the values of one file in a window.

    Parameters
    ----------
    values : array of float, ascending
        All finite values of a column in the file.
    window : Window
        The range of values.
    most : int
        The maximum number of points, 3 or more.
    """
    start, stop = np.searchsorted(values, window.low, side="left"), np.searchsorted(values, window.high, side="right")
    inside = values[start:stop]
    first = np.flatnonzero(np.r_[True, inside[1:] != inside[:-1]][: len(inside)])  # indices; of equal values, the first
    chosen = np.arange(len(first))
    if len(first) > most:
        # The smallest and the largest value can be very frequent, so the other points are spread evenly over the values
        # between them.
        places = np.linspace(first[1], first[-1] - 1, most - 2).astype(np.int64)
        chosen = np.unique(np.r_[0, np.searchsorted(first, places, side="right") - 1, len(first) - 1])
    return Outline(
        below=int(start),
        count=len(inside),
        points=inside[first[chosen]],
        before=first[chosen],
        until=np.append(first, len(inside))[chosen + 1] if len(first) else first,
        after=float(values[stop]) if stop < len(values) else np.inf,
        complete=len(first) <= most,
    )


@dataclass(frozen=True)
class _MergedOutlines:
    points: NDArray[np.float64]
    at_least: NDArray[np.int64]
    at_most: NDArray[np.int64]
    after: float
    complete: bool

    def find(self, rank: int) -> tuple[float, float, float, bool]:
        high = int(np.searchsorted(self.at_least, rank + 1, side="left"))
        low = int(np.searchsorted(self.at_most, rank, side="right")) - 1
        after = float(self.points[high + 1]) if high + 1 < len(self.points) else self.after
        return float(self.points[low]), float(self.points[high]), after, self.complete


def _merge(outlines: Sequence[Outline]) -> _MergedOutlines:
    below = sum(outline.below for outline in outlines)
    points, places = np.unique(np.concatenate([outline.points for outline in outlines]), return_inverse=True)
    certain = np.concatenate([np.diff(outline.until, prepend=0) for outline in outlines])
    # All values between two points of a part can be smaller than a point of another part.
    possible = np.concatenate([np.diff(outline.before, append=outline.count) for outline in outlines])
    steps = np.bincount(places, possible, len(points)).astype(np.int64)
    return _MergedOutlines(
        points=points,
        at_least=below + np.cumsum(np.bincount(places, certain, len(points)).astype(np.int64)),
        at_most=below + np.cumsum(steps) - steps,
        after=min(outline.after for outline in outlines),
        complete=all(outline.complete for outline in outlines),
    )
