"""Exact quantiles of a column whose values are in several parts, of which none hands over all of its values.

The value of a rank lies in a window, which at first holds every value. In each round, each part outlines the values in
the window by some of them and their ranks. Together, the outlines show a narrower window, which holds at most about
``4 / points`` of the values. So with 256 points, the value is found in two rounds among 10^5 values, and in four among
10^9. In the last round, the points are all values of the window, and show the next larger value, too.

Source: Munro and Paterson (1980), "Selection and sorting with limited storage".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops.data.profile import BINS, choose_ranks, place_edges


class Window(NamedTuple):
    """All values from `low` to `high`, both included."""

    low: float
    high: float


EVERYTHING = Window(-np.inf, np.inf)


@dataclass(frozen=True)
class Outline:
    """The values of a part in a window.

    Parameters
    ----------
    below, count : int
        The number of values below the window, and in it.
    points : array of float, ascending
        Different values in the window. The smallest and the largest one are among them.
    before, until : array of int
        For each point, the number of values in the window that are smaller, and smaller or equal.
    after : float
        The smallest value above the window; infinity if there is none.
    complete : bool
        Whether the points are all values.
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
    """The search for the quantiles of a column, so far.

    Parameters
    ----------
    windows : mapping of int to Window
        The ranks whose values are not found yet, counted from 0.
    found : mapping of float to float
        The quantiles that were found, each with the next larger value; infinity if there is none.
    lowest, highest : float
        The smallest and the largest value; infinity and -infinity if the column has none.
    """

    windows: Mapping[int, Window]
    found: Mapping[float, float]
    lowest: float
    highest: float

    def list_windows(self) -> list[Window]:
        """Return the windows that the parts have to outline next; none if all quantiles are found."""
        return list(dict.fromkeys(self.windows.values()))

    def narrow(self, outlines: Sequence[Mapping[Window, Outline]]) -> "Search":
        """Return the search after a round, in which each part outlined each window."""
        found, windows = dict(self.found), {}
        merged = {window: _merge([part[window] for part in outlines]) for window in self.list_windows()}
        for rank, window in self.windows.items():
            low, high, after, complete = merged[window].find(rank)
            if complete:
                found[low] = after
            else:
                windows[rank] = Window(low, high)
        return Search(windows, found, self.lowest, self.highest)

    def place_edges(self) -> tuple[float, ...]:
        """Return the edges of the column's bins from all quantiles; see `mlops.data.profile.choose_edges`."""
        if self.lowest > self.highest:
            return ()
        between = [(value, after) for value, after in sorted(self.found.items()) if value < self.highest]
        return place_edges(self.lowest, self.highest, between)


def begin_search(outlines: Sequence[Outline], bins: int = BINS) -> Search:
    """Begin the search for the quantiles of a column, after a first round in which each part outlined `EVERYTHING`."""
    points = np.concatenate([outline.points for outline in outlines])
    ranks = choose_ranks(sum(outline.count for outline in outlines), bins)
    begun = Search(
        dict.fromkeys(map(int, ranks), EVERYTHING),
        {},
        float(points.min(initial=np.inf)),
        float(points.max(initial=-np.inf)),
    )
    return begun.narrow([{EVERYTHING: outline} for outline in outlines])


def outline(values: NDArray[np.float64], window: Window, most: int) -> Outline:
    """Outline the values of a part in a window.

    Parameters
    ----------
    values : array of float, ascending
        All finite values of the part.
    window : Window
        The window.
    most : int
        The largest number of points, 3 or more.
    """
    start, stop = np.searchsorted(values, window.low, side="left"), np.searchsorted(values, window.high, side="right")
    inside = values[start:stop]
    first = np.flatnonzero(np.r_[True, inside[1:] != inside[:-1]][: len(inside)])  # of values that are the same
    chosen = np.arange(len(first))
    if len(first) > most:
        # The ends of a window can be very frequent values. Points are chosen evenly among the values between them.
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
class _Merged:
    """The outlines of all parts in a window.

    Parameters
    ----------
    points : array of float, ascending
        The points of all parts.
    at_least : array of int
        For each point, how many values of the column are certainly smaller or equal.
    at_most : array of int
        For each point, how many values of the column can be smaller.
    after : float
        The smallest value above the window.
    complete : bool
        Whether the points are all values, so that both numbers are exact.
    """

    points: NDArray[np.float64]
    at_least: NDArray[np.int64]
    at_most: NDArray[np.int64]
    after: float
    complete: bool

    def find(self, rank: int) -> tuple[float, float, float, bool]:
        """Return the narrowest window with the value of a rank, the next larger value, and whether all is exact."""
        high = int(np.searchsorted(self.at_least, rank + 1, side="left"))
        low = int(np.searchsorted(self.at_most, rank, side="right")) - 1
        after = float(self.points[high + 1]) if high + 1 < len(self.points) else self.after
        return float(self.points[low]), float(self.points[high]), after, self.complete


def _merge(outlines: Sequence[Outline]) -> _Merged:
    below = sum(outline.below for outline in outlines)
    points, places = np.unique(np.concatenate([outline.points for outline in outlines]), return_inverse=True)
    certain = np.concatenate([np.diff(outline.until, prepend=0) for outline in outlines])
    # Up to the next point of its part, the values after a point can all be smaller.
    possible = np.concatenate([np.diff(outline.before, append=outline.count) for outline in outlines])
    steps = np.bincount(places, possible, len(points)).astype(np.int64)
    return _Merged(
        points=points,
        at_least=below + np.cumsum(np.bincount(places, certain, len(points)).astype(np.int64)),
        at_most=below + np.cumsum(steps) - steps,
        after=min(outline.after for outline in outlines),
        complete=all(outline.complete for outline in outlines),
    )
