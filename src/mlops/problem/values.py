"""The conversion of values between tables and JSON, which has numbers, texts, booleans and null."""

import math
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mlops.problem.column import Column

Value = float | str | bool | None
DAY = len("2024-01-31")


def write_value(column: "Column", value: object) -> Value:
    """Convert a value of a column to JSON. A date becomes "2024-01-31", and a missing value becomes None.

    Parameters
    ----------
    column : Column
        The column.
    value : object
        A value of a table, or the result of an earlier call.
    """
    import pandas as pd

    if pd.isna(value):
        return None
    if column.kind == "number":
        return float(value) if math.isfinite(value) else None  # type: ignore[arg-type]
    if column.kind == "boolean":
        return bool(value)
    if column.kind == "date":
        return value.isoformat()[:DAY] if isinstance(value, date) else str(value)[:DAY]
    return str(value)


def make_table(columns: "Sequence[Column]", rows: "Sequence[Mapping[str, object]]") -> "pd.DataFrame":
    """Make a table from rows of JSON values. Numbers become float64, and dates become datetime64."""
    import pandas as pd

    table = pd.DataFrame(list(rows), columns=[column.name for column in columns])
    for column in columns:
        if column.kind == "number":
            table[column.name] = table[column.name].astype("float64")
        elif column.kind == "date":
            table[column.name] = pd.to_datetime(table[column.name])
    return table
