"""The values of a row as JSON has them: numbers, texts, booleans and null."""

import math
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.problem.column import Column

Value = float | str | bool | None
DAY = len("2024-01-31")


def write_value(column: "Column", value: object) -> Value:
    """Return a value of a column as JSON has it: a date as "2024-01-31", and a missing value as None.

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
