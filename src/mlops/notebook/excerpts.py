"""Excerpts of tables that are too long to show."""

from typing import NamedTuple

import pandas as pd

from mlops.numbers import format_number

MOST = 20  # maximum number of columns; pandas shows as many


class Excerpt(NamedTuple):
    """The numbers to show: all numbers or, if there are many, those with the largest magnitude.

    Parameters
    ----------
    values : Series
        The numbers by column.
    name : str
        The name of the numbers: "weight".
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
        The numbers by column, in a series whose name says what they are: "weight".
    """
    name = str(values.name) if values.name is not None else "importance"
    if len(values) <= MOST:
        return Excerpt(values, name, "")
    chosen = values[values.abs().nlargest(MOST).index]
    return Excerpt(chosen, name, f"The {MOST} of {len(values):,} columns with the largest {name}")


def show_largest(values: pd.Series | None) -> pd.DataFrame | None:
    """Return numbers as a table with one row: all of them or, if there are many, those with the largest magnitude.

    Parameters
    ----------
    values : Series, optional
        The numbers by column, in a series whose name says what they are: "weight".

    Returns
    -------
    DataFrame or None
        A row of formatted numbers, or None if `values` is None.
    """
    if values is None:
        print("The problem does not explain its models.")
        return None
    chosen = choose_largest(values)
    shown = chosen.values.map(format_number).rename(chosen.name)
    return shown.to_frame().T.rename_axis(columns=chosen.caption or None)
