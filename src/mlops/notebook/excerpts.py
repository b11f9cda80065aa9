"""Excerpts of tables that are too long to show."""

import pandas as pd

from mlops.numbers import format_number

MOST = 20  # maximum number of columns; pandas shows as many


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
    shown = values if len(values) <= MOST else values[values.abs().nlargest(MOST).index]
    chosen = f"The {MOST} of {len(values):,} columns with the largest {values.name}"
    caption = chosen if len(shown) < len(values) else None
    return shown.map(format_number).to_frame().T.rename_axis(columns=caption)
