"""Random tables of 11 columns, and how often the data test finds drift in them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from mlops.data.drift import compare_profiles
from mlops.data.kinds.counts import CountProfile, ValueCounts, count_values, summarize_counts
from mlops.data.profile import ColumnProfile, choose_edges, profile_column

NAMES = [f"x{number}" for number in range(11)]
CHANGED = NAMES[0]
FAMILIES = ("normal", "t3", "lognormal", "integer", "two-valued", "correlated", "mixed")
DATE, CATEGORIES = "x5", ("x7", "x8", "x9", "x10")  # in a mixed table
REUSED = 20  # number of tables that share a reference of at least ten times as many rows

Values = NDArray[np.float64]
Table = dict[str, Values]  # the values of a category are codes
Change = Callable[[np.random.Generator, Values], Values]
Profiles = dict[str, ColumnProfile | CountProfile]


def draw_table(rng: np.random.Generator, family: str, rows: int) -> Table:
    """Return a table of independent columns, or of columns that share 80 % of their variance ("correlated")."""
    size = (len(NAMES), rows)
    if family == "mixed":
        columns = _draw_mixed(rng, rows)
    elif family == "normal":
        columns = list(rng.normal(size=size))
    elif family == "t3":
        columns = list(rng.standard_t(3, size))
    elif family == "lognormal":
        columns = list(rng.lognormal(size=size))
    elif family == "integer":
        columns = list(rng.poisson(3, size))
    elif family == "two-valued":
        columns = list(rng.random(size) < 0.3)
    else:
        columns = list(2 * rng.normal(size=rows) + rng.normal(size=size))
    return {name: column.astype(float) for name, column in zip(NAMES, columns, strict=True)}


def _draw_mixed(rng: np.random.Generator, rows: int) -> list[NDArray[np.generic]]:
    return [
        rng.normal(size=rows),
        rng.standard_t(3, rows),
        rng.lognormal(size=rows),
        rng.poisson(3, rows),
        rng.random(rows) < 0.3,
        rng.integers(0, 365, rows),
        np.where(rng.random(rows) < 0.1, np.nan, rng.exponential(size=rows)),
        np.where(rng.random(rows) < 0.05, np.nan, rng.choice(3, rows, p=[0.5, 0.3, 0.2])),
        np.minimum(rng.zipf(1.5, rows), 60),
        np.minimum(rng.zipf(1.3, rows), 1_000_000),  # a few hundred values in 442 rows, most of them once
        rng.random(rows) < 0.02,
    ]


def shift(_: np.random.Generator, values: Values) -> Values:
    """Move a column by 0.3 of its standard deviations."""
    return np.asarray(values + 0.3 * values.std())


def widen(_: np.random.Generator, values: Values) -> Values:
    """Make the spread of a column 1.5 times as large."""
    return np.asarray(values.mean() + 1.5 * (values - values.mean()))


def set_some(rng: np.random.Generator, values: Values, count: int = 60) -> Values:
    """Set some of the values of a column to 0."""
    found = values.copy()
    found[rng.choice(len(found), count, replace=False)] = 0.0
    return found


def make_reference(table: Table, family: str) -> Profiles:
    """Return the profile of a table as a reference."""
    return {name: _profile(name, values, family) for name, values in table.items()}


def make_current(table: Table, reference: Profiles) -> Profiles:
    """Return the profile of a table with the edges and the values of a reference."""
    found: Profiles = {}
    for name, values in table.items():
        known = reference[name]
        if isinstance(known, ColumnProfile):
            found[name] = profile_column(values, known.edges, known.kind)
        else:
            counts, nulls = _count(values, tuple(known.values))
            found[name] = CountProfile("category", counts.count, nulls, counts.values, counts.other)
    return found


def count_alarms(
    rng: np.random.Generator, rounds: int, family: str, known: int, rows: int, change: Change | None = None
) -> int:
    """Count the tables of `rows` rows in which drift is found, against references of `known` rows.

    With a change, count the tables in which drift is found in the changed column.
    """
    alarms, reuse = 0, REUSED if known >= 10 * rows else 1
    for number in range(rounds):
        if number % reuse == 0:
            reference = make_reference(draw_table(rng, family, known), family)
        table = draw_table(rng, family, rows)
        if change:
            table[CHANGED] = change(rng, table[CHANGED])
        found = compare_profiles(reference, make_current(table, reference), 0.05)
        alarms += any(drift.drifted for drift in found if not change or drift.column == CHANGED)
    return alarms


def _profile(name: str, values: Values, family: str) -> ColumnProfile | CountProfile:
    if family == "mixed" and name in CATEGORIES:
        return summarize_counts("category", *_count(values))
    kind = "date" if family == "mixed" and name == DATE else "number"
    return profile_column(values, choose_edges(pd.Series(values)), kind)


def _count(values: Values, kept: tuple[str, ...] = ()) -> tuple[ValueCounts, int]:
    there = values[~np.isnan(values)].astype(int)
    return count_values(pl.Series(there).cast(pl.String), kept), len(values) - len(there)
