"""Random tables, mostly with 11 columns, and the number of tables in which the data test finds drift."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from mlops.data.drift import compare_profiles
from mlops.data.kinds.counts import CountProfile, ValueCounts, count_values, summarize_counts
from mlops.data.profile import ColumnProfile, choose_edges, profile_column

ELEVEN = range(11)
CHANGED = "x0"
FAMILIES = ("normal", "t3", "lognormal", "integer", "two-valued", "correlated", "mixed")
CATEGORICAL = {"100 equal categories": 100, "300 equal categories": 300, "20,000 equal categories": 20_000}  # by family
RARE = {"rare two-valued": 0.02, "rare boolean": 0.1}  # the share of ones, by family
DATE, CATEGORIES = 5, (7, 8, 9, 10)  # in a mixed table
REUSED = 20  # number of rounds that use the same table, if it has at least ten times as many rows as the other table

Values = NDArray[np.float64]
Table = dict[str, Values]  # the values of a category are codes
Change = Callable[[np.random.Generator, Values], Values]
Profiles = dict[str, ColumnProfile | CountProfile]


def draw_table(rng: np.random.Generator, family: str, rows: int, columns: Sequence[int] = ELEVEN) -> Table:
    """Return a table of independent columns, or of columns that share 80 % of their variance ("correlated").

    A mixed table with more columns than kinds begins again with the first kind.
    """
    size = (len(columns), rows)
    if family == "mixed":
        drawn = [DRAW_MIXED[number % len(DRAW_MIXED)](rng, rows) for number in columns]
    elif family in CATEGORICAL:
        drawn = list(rng.integers(CATEGORICAL[family], size=size))
    elif family in RARE:
        drawn = list(rng.random(size) < RARE[family])
    elif family == "normal":
        drawn = list(rng.normal(size=size))
    elif family == "repeated":  # the rows are not independent: each occurs five times
        drawn = list(np.repeat(rng.normal(size=(len(columns), -(-rows // 5))), 5, axis=1)[:, :rows])
    elif family == "t3":
        drawn = list(rng.standard_t(3, size))
    elif family == "lognormal":
        drawn = list(rng.lognormal(size=size))
    elif family == "integer":
        drawn = list(rng.poisson(3, size))
    elif family == "two-valued":
        drawn = list(rng.random(size) < 0.3)
    elif family == "constant":
        drawn = list(np.full(size, 5.0))
    else:
        drawn = list(2 * rng.normal(size=rows) + rng.normal(size=size))
    return {f"x{number}": column.astype(float) for number, column in zip(columns, drawn, strict=True)}


# Functions that draw the columns of a mixed table, in order.
DRAW_MIXED: tuple[Callable[[np.random.Generator, int], NDArray[np.generic]], ...] = (
    lambda rng, rows: rng.normal(size=rows),
    lambda rng, rows: rng.standard_t(3, rows),
    lambda rng, rows: rng.lognormal(size=rows),
    lambda rng, rows: rng.poisson(3, rows),
    lambda rng, rows: rng.random(rows) < 0.3,
    lambda rng, rows: rng.integers(0, 365, rows),
    lambda rng, rows: np.where(rng.random(rows) < 0.1, np.nan, rng.exponential(size=rows)),
    lambda rng, rows: np.where(rng.random(rows) < 0.05, np.nan, rng.choice(3, rows, p=[0.5, 0.3, 0.2])),
    lambda rng, rows: np.minimum(rng.zipf(1.5, rows), 60),
    # a few hundred distinct values in 442 rows, most of which occur once
    lambda rng, rows: np.minimum(rng.zipf(1.3, rows), 1_000_000),
    lambda rng, rows: rng.random(rows) < 0.02,
)


def shift(_: np.random.Generator, values: Values) -> Values:
    """Move a column by 0.3 of its standard deviations."""
    return np.asarray(values + 0.3 * values.std())


def widen(_: np.random.Generator, values: Values) -> Values:
    """Make the spread of a column 1.5 times as large."""
    return np.asarray(values.mean() + 1.5 * (values - values.mean()))


def set_some(rng: np.random.Generator, values: Values, count: int = 60, value: float = 0.0) -> Values:
    """Set some of the values of a column to the same value, or to NaN for missing values."""
    found = values.copy()
    found[rng.choice(len(found), count, replace=False)] = value
    return found


def exchange(rng: np.random.Generator, values: Values, share: float, of: float, to: float) -> Values:
    """Replace a share of one category with another category."""
    return np.where((values == of) & (rng.random(len(values)) < share), to, values)


def replace_all(_: np.random.Generator, values: Values) -> Values:
    """Replace each category with a new one."""
    return values + 1_000_000


def make_reference(table: Table, family: str) -> Profiles:
    """Return the profile of a table as a reference."""
    return {name: _profile(values, _name_kind(name, family)) for name, values in table.items()}


def make_current(table: Table, reference: Profiles) -> Profiles:
    """Return the profile of a table with the edges and the values of a reference."""
    found: Profiles = {}
    for name, values in table.items():
        known = reference[name]
        if isinstance(known, ColumnProfile):
            found[name] = profile_column(values, known.edges, known.kind)
        else:
            counts, nulls = _count(values, tuple(known.values))
            found[name] = CountProfile("category", counts.count, nulls, counts.values, counts.other, counts.bins)
    return found


def count_alarms(
    rng: np.random.Generator,
    rounds: int,
    family: str,
    known: int,
    rows: int,
    change: Change | None = None,
    changed: str = CHANGED,
    columns: Sequence[int] = ELEVEN,
) -> int:
    """Return the number of tables of `rows` rows in which drift from references of `known` rows is found.

    With a change, return the number of tables in which drift is found in the changed column.
    """
    alarms, reuse = 0, (REUSED if known >= 10 * rows else 1, REUSED if rows >= 10 * known else 1)
    for number in range(rounds):
        if number % reuse[0] == 0:
            reference = make_reference(draw_table(rng, family, known, columns), family)
        if number % reuse[1] == 0:  # sorted values are counted three times as fast
            table = {name: np.sort(values) for name, values in draw_table(rng, family, rows, columns).items()}
        current = {**table, changed: change(rng, table[changed])} if change else table
        found = compare_profiles(reference, make_current(current, reference), 0.05)
        alarms += any(drift.drifted for drift in found if not change or drift.column == changed)
    return alarms


def _name_kind(name: str, family: str) -> str:
    if family in CATEGORICAL or family == "rare boolean":
        return "category"
    place = int(name[1:]) % len(DRAW_MIXED) if family == "mixed" else 0
    return "category" if place in CATEGORIES else "date" if place == DATE else "number"


def _profile(values: Values, kind: str) -> ColumnProfile | CountProfile:
    if kind == "category":
        return summarize_counts(kind, *_count(values))
    return profile_column(values, choose_edges(pd.Series(values)), kind)


def _count(values: Values, kept: tuple[str, ...] = ()) -> tuple[ValueCounts, int]:
    there = values[~np.isnan(values)].astype(int)
    return count_values(pl.Series(there).cast(pl.String), kept), len(values) - len(there)
