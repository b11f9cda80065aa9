"""The distribution of a column: how many values are in each bin. The bins are those of the training data."""

from collections import Counter
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

PREDICTION = "_prediction"  # the name of the column with the predictions
REST, MISSING = "other", "missing"
SMOOTHING = 0.5  # rows that are added to each bin, because the index of an empty bin would be infinite

Counts = NDArray[np.int64]


class ColumnBins(msgspec.Struct, frozen=True):
    """The bins of a column, and the number of training rows in each.

    Parameters
    ----------
    name : str
        The name of the feature, or `PREDICTION`.
    kind : str
        "number", "date" (as the number of days since 1970-01-01) or "text", which is a category or a boolean.
    edges : tuple of float, length k
        The edges of the bins of numbers and dates, in ascending order. A value on an edge is in the lower bin.
    values : tuple of str, length k
        The texts that have a bin of their own.
    counts : tuple of int, length k + 2
        The number of training rows in each bin. The last bin has the missing values. The bin before it has the numbers
        above the last edge, or the texts that have no bin of their own.
    """

    name: str
    kind: Literal["number", "date", "text"]
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    def count(self, values: NDArray[Any]) -> Counts:
        """Return the number of values in each bin. A missing value is NaN, NaT or None."""
        if self.kind == "text":
            return self._count_texts(values)
        days = values.dtype.kind == "M"
        numbers = values.astype("datetime64[D]").astype(np.float64) if days else values.astype(np.float64)
        if days:
            numbers[np.isnat(values)] = np.nan
        there = numbers[np.isfinite(numbers)]
        counts = np.bincount(np.searchsorted(self.edges, there, side="left"), minlength=len(self.edges) + 1)
        return np.append(counts, len(numbers) - len(there))

    def list_names(self) -> list[str]:
        """Return a name for each bin. Names of ranges begin with the bin's number, so that they sort in order."""
        if self.kind == "text":
            return [*self.values, REST, MISSING]
        limits = [
            "",
            *(
                np.datetime64(int(edge), "D").item().isoformat() if self.kind == "date" else f"{edge:.4g}"
                for edge in self.edges
            ),
            "",
        ]
        pairs = enumerate(zip(limits[:-1], limits[1:], strict=True))
        return [*(f"{place:02} {_name_range(low, high)}" for place, (low, high) in pairs), MISSING]

    def _count_texts(self, values: NDArray[Any]) -> Counts:
        found: Counter[str | None] = Counter()
        for value, times in Counter(values.tolist()).items():  # takes a fifth of the time of writing each value
            found[write_text(value)] += times
        missing = found.pop(None, 0)
        known = [found.pop(value, 0) for value in self.values]
        return np.array([*known, found.total(), missing])


def write_text(value: object) -> str | None:
    """Return a category or a boolean as text; None if it is missing."""
    if value is None or value != value:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def measure_drift(training: Counts, seen: Counts) -> float:
    """Return the population stability index of a column: 0 for equal distributions; above 0.25, they differ clearly.

    Parameters
    ----------
    training, seen : array of length k
        The number of rows in each bin, in the training data and in the requests.
    """
    expected, found = ((counts + SMOOTHING) / (counts + SMOOTHING).sum() for counts in (training, seen))
    return float(np.sum((found - expected) * np.log(found / expected)))


def _name_range(low: str, high: str) -> str:
    return f"{low} to {high}" if low and high else f"above {low}" if low else f"up to {high}" if high else "all"
