"""The profile of a table: a summary of the distribution of each column."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.data.kinds.counts import CountProfile
from mlops.errors import IntegrityError, UsageError
from mlops.files.records import read_record
from mlops.numbers import LARGEST_WHOLE, format_count
from mlops.problem import Column

BINS = 20
MOST = 20  # maximum number of columns in a message
FEWEST = 10  # values in a reference; 10 % of normal tables raise a false alarm with 5 values, 5 % with 10
FEW = 10  # if a column has at most this many distinct values, each has its own bin, and there are bins between them
ROUNDED = 1e-5  # the largest relative difference that rounding can explain; files often have only six digits


@dataclass(frozen=True)
class ColumnProfile:
    """The profile of a column of numbers, or of dates as the number of days since 1970-01-01.

    Parameters
    ----------
    count, nulls : int
        The number of finite values, and the number of missing or infinite values.
    mean : float
        The mean, in the unit of the column.
    squares : float
        The sum of squared deviations from the mean.
    minimum, maximum : float or None
        The smallest and the largest value, in the unit of the column; None if there are no values.
    edges : tuple of float, length k
        The edges of the bins, in ascending order. A value on an edge belongs to the bin below the edge.
    histogram : tuple of int, length k + 1
        The number of values in each bin.
    kind : str
        The kind of the column: "number" or "date".
    """

    count: int
    nulls: int
    mean: float
    squares: float
    minimum: float | None
    maximum: float | None
    edges: tuple[float, ...]
    histogram: tuple[int, ...]
    kind: str = "number"

    @property
    def deviation(self) -> float:
        """The standard deviation, in the unit of the column; exactly 0 if all values are the same."""
        return (self.squares / self.count) ** 0.5 if self.minimum != self.maximum else 0.0

    @property
    def is_consistent(self) -> bool:
        """True if no numbers of the profile contradict each other."""
        if min(self.nulls, self.squares, *self.histogram) < 0 or len(self.histogram) != len(self.edges) + 1:
            return False
        ascending = all(low <= high for low, high in pairwise(self.edges))
        if not self.count:
            return ascending and not any(self.histogram)
        ordered = self.minimum is not None and self.maximum is not None and self.minimum <= self.maximum
        return ascending and ordered and bool(self.edges) and sum(self.histogram) == self.count


Profile = Mapping[str, ColumnProfile | CountProfile]


def choose_edges(values: pd.Series, bins: int = BINS) -> tuple[float, ...]:
    """Return the edges of `bins` bins with about the same number of values in each bin.

    If many values are equal, there are fewer bins. The first edge is below the smallest finite value, and the last edge
    is above the largest. If the column has few distinct values, see `surround_values`.
    """
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    there = np.sort(numbers[np.isfinite(numbers)])
    if not there.size:
        return ()
    distinct = np.unique(there)
    if has_few_values(len(distinct), len(there)):
        return surround_values(distinct)
    below = np.unique(np.searchsorted(distinct, there[choose_ranks(len(there), bins)]))
    below = below[below < len(distinct) - 1]
    return place_edges(distinct[0], distinct[-1], zip(distinct[below], distinct[below + 1], strict=True), bins)


def choose_ranks(count: int, bins: int = BINS) -> NDArray[np.int64]:
    """Return the ranks, counted from 0, at which to split `count` sorted values into `bins` bins of equal size."""
    return np.floor((count - 1) * np.linspace(0, 1, bins + 1)[1:-1]).astype(np.int64) if count else np.empty(0, int)


def has_few_values(distinct: int, count: int) -> bool:
    """Return whether a column of `count` values has so few distinct values that each gets its own bin."""
    return 0 < distinct <= FEW and count >= FEWEST * distinct


def surround_values(distinct: NDArray[np.float64]) -> tuple[float, ...]:
    """Return two edges for each value, closely below and above it, so that each value has its own bin.

    Each edge is 0.001 % away from its value, because the value may be rounded in other tables. But the distance is at
    most a quarter of the distance to the next value, and at most 0.25 if all values are whole numbers.
    """
    with np.errstate(over="ignore"):
        gaps = np.diff(distinct, prepend=-np.inf, append=np.inf)
        sizes = np.abs(distinct)
        sizes = np.maximum(sizes, ROUNDED * (sizes.max() or 1.0))  # a zero may be the rounding error of a difference
        margins = np.minimum(ROUNDED * sizes, np.minimum(gaps[:-1], gaps[1:]) / 4)
        if (distinct == np.floor(distinct)).all():
            margins = np.where(sizes < LARGEST_WHOLE, np.minimum(margins, 0.25), margins)
        below = np.minimum(distinct - margins, np.nextafter(distinct, -np.inf))  # a value on an edge is below the edge
        return tuple(np.unique([below, distinct + margins]).tolist())


def place_edges(
    lowest: float, highest: float, between: Iterable[tuple[float, float]], bins: int = BINS
) -> tuple[float, ...]:
    """Return the edges of the bins of a column.

    Parameters
    ----------
    lowest, highest : float
        The smallest and the largest value.
    between : iterable of pair of float
        For each bin except the last one: the largest value in the bin, and the next larger value in the column.
    bins : int
        The desired number of bins.
    """
    with np.errstate(over="ignore"):
        margin = (highest - lowest) / (2 * bins) or max(abs(lowest), 1.0) / (2 * bins)
        inner = [float((value + after) / 2) for value, after in between]
        return (float(lowest - margin), *inner, float(highest + margin))


def profile_column(numbers: NDArray[np.float64], edges: tuple[float, ...], kind: str = "number") -> ColumnProfile:
    """Return the profile of a column of numbers, or of dates as days since 1970-01-01. Missing values are NaN."""
    there = numbers[np.isfinite(numbers)]
    counts = np.bincount(np.searchsorted(edges, there, side="left"), minlength=len(edges) + 1)
    apart = there - there[:1]  # the sum of large values with a small spread would lose digits
    mean = float(apart.mean()) if there.size else 0.0
    return ColumnProfile(
        count=int(there.size),
        nulls=int(numbers.size - there.size),
        mean=float(there[0]) + mean if there.size else 0.0,
        squares=float(np.square(apart - mean).sum()),
        minimum=float(there.min()) if there.size else None,
        maximum=float(there.max()) if there.size else None,
        edges=tuple(edges),
        histogram=tuple(int(count) for count in counts),
        kind=kind,
    )


def merge_columns(left: ColumnProfile, right: ColumnProfile) -> ColumnProfile:
    """Merge the profiles of the same column in two tables, and return one profile.

    Both profiles must have the same bin edges.

    Source: Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance".
    """
    count = left.count + right.count
    apart = right.mean - left.mean
    share = right.count / count if count else 0.0
    return ColumnProfile(
        count=count,
        nulls=left.nulls + right.nulls,
        mean=left.mean + apart * share,
        squares=left.squares + right.squares + apart * apart * left.count * share,  # `apart**2` can raise OverflowError
        minimum=min((low for low in (left.minimum, right.minimum) if low is not None), default=None),
        maximum=max((high for high in (left.maximum, right.maximum) if high is not None), default=None),
        edges=left.edges,
        histogram=tuple(a + b for a, b in zip(left.histogram, right.histogram, strict=True)),
        kind=left.kind,
    )


def is_number(kind: object) -> bool:
    """Return whether a column with this pandas type contains numbers."""
    return bool(pd.api.types.is_any_real_numeric_dtype(kind))


def find_repeated(names: Sequence[str]) -> set[str]:
    """Return the names that occur more than once in a list."""
    return {name for name, count in Counter(names).items() if count > 1}


def require_once(names: Sequence[str]) -> None:
    """Raise an error if two columns have the same name.

    Raises
    ------
    UsageError
        If two columns have the same name.
    """
    repeated = find_repeated(names)
    if repeated:
        name = next(name for name in names if name in repeated)
        raise UsageError(f"The column {name} occurs more than once. Rename or remove the duplicates.")


def advise_profile(path: Path | str = "src/PACKAGE/reference_profile.json") -> str:
    """Return a sentence with the command that makes the profile `path`."""
    return f"Make one with `mlops profile DATA_FILE --output {path}`."


def encode_profile(profile: Profile) -> bytes:
    """Return a profile as JSON."""
    return msgspec.json.format(msgspec.json.encode(profile), indent=1) + b"\n"


def read_profile(path: Path) -> dict[str, ColumnProfile | CountProfile]:
    """Return the profile that is stored in a file, as encoded by `encode_profile`.

    Raises
    ------
    UsageError
        If the file does not exist or is not a profile.
    """
    try:
        stored = read_record(path, dict[str, dict[str, object]], advise_profile(path))
        return {name: _restore(path, name, column) for name, column in stored.items()}
    except OSError as error:
        raise UsageError(f"There is no reference profile {path}. {advise_profile(path)}") from error
    except IntegrityError as error:
        raise UsageError(f"The reference profile {error}") from error


def describe_reference(reference: Profile, columns: Sequence[Column], path: Path) -> str:
    """Return a text that gives the size of a reference profile and lists columns with too few values to test for drift.

    Parameters
    ----------
    reference : Profile
        The reference profile.
    columns : sequence of Column
        The declared columns.
    path : Path
        The file of the profile.

    Raises
    ------
    UsageError
        If the profile has none of the columns that are tested for drift.
    """
    tested = [
        column.name
        for column in columns
        if column.watch_drift and column.role not in ("id", "ignored") and column.kind != "id"
    ]
    if tested and not any(name in reference for name in tested):
        raise UsageError(
            f"The reference profile {path} has none of the columns that the problem declares. {advise_profile(path)}"
        )
    lacking = [name for name in tested if name not in reference or reference[name].count < FEWEST]
    rows = next((column.count + column.nulls for column in reference.values()), 0)
    size = f"reference: {format_count(rows, 'row')}, {format_count(len(reference), 'column')}"
    if not lacking:
        return size
    more = f" and {len(lacking) - MOST:,} more" if len(lacking) > MOST else ""
    names = ", ".join(lacking[:MOST]) + more
    return (
        f"{size}\nThe reference has fewer than {FEWEST} values of these columns, so they are not tested for drift: "
        f"{names}. {advise_profile(path)}"
    )


def _restore(path: Path, name: str, stored: Mapping[str, object]) -> ColumnProfile | CountProfile:
    # profiles of older versions have no kinds, because all columns are numbers
    numeric = stored.get("kind", "number") in ("number", "date")
    try:
        found = msgspec.convert(stored, ColumnProfile) if numeric else msgspec.convert(stored, CountProfile)
    except msgspec.ValidationError as error:
        raise IntegrityError(f"{path} is damaged ({error}). {advise_profile(path)}") from error
    if not found.is_consistent:
        why = f"the numbers of the column {name} contradict each other"
        raise IntegrityError(f"{path} is damaged ({why}). {advise_profile(path)}")
    return found
