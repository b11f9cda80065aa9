"""Tables: metrics with their units, and excerpts of tables that are too long to show."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from mlops.numbers import format_number
from mlops.problem import Metric

MOST = 20  # maximum number of columns in an excerpt


class Excerpt(NamedTuple):
    """The numbers to show: all numbers or, if there are many, those with the largest magnitude.

    Parameters
    ----------
    values : Series
        The numbers by column.
    name : str
        What the numbers are, such as "weight".
    caption : str
        A text that says which columns were chosen. Empty if all columns were chosen.
    """

    values: pd.Series
    name: str
    caption: str


def choose_largest(values: pd.Series) -> Excerpt:
    """Return all numbers or, if there are many, those with the largest magnitude.

    Parameters
    ----------
    values : Series
        The numbers by column. The name of the series says what the numbers are, such as "weight".
    """
    name = str(values.name) if values.name is not None else "importance"
    if len(values) <= MOST:
        return Excerpt(values, name, "")
    chosen = values[values.abs().nlargest(MOST).index]
    return Excerpt(chosen, name, f"The {MOST} of {len(values):,} columns with the largest {name}")


def show_largest(values: pd.Series | None) -> pd.DataFrame | None:
    """Return numbers as a table with one column: all of them or, if there are many, those with the largest magnitude.

    Parameters
    ----------
    values : Series, optional
        The numbers by column. The name of the series says what the numbers are, such as "weight".

    Returns
    -------
    DataFrame or None
        A column of formatted numbers, or None if `values` is None.
    """
    if values is None:
        print("`explain` of the problem returned None, so there are no importances.")
        return None
    chosen = choose_largest(values)
    shown = chosen.values.map(format_number).rename(chosen.name)
    return shown.to_frame().rename_axis(columns=chosen.caption or None)


def show_scores(metrics: Sequence[Metric], scores: Mapping[str, Mapping[str, float | None]]) -> pd.DataFrame:
    """Return a table of metrics with their units.

    Parameters
    ----------
    metrics : sequence of Metric
        The declared metrics.
    scores : mapping
        For each column of the table, such as "training", the value of each metric by name.

    Returns
    -------
    DataFrame
        A row for each metric. The last column has the units; it is left out if no metric has a unit.
    """
    table = pd.DataFrame({column: pd.Series(values).map(format_number) for column, values in scores.items()})
    units = {metric.name: metric.unit for metric in metrics}
    return table.assign(unit=table.index.map(units)) if any(units.values()) else table
