"""The conversion of values between tables and JSON. JSON has only numbers, strings, booleans and null.

The type of a column depends only on its declaration, never on its values. So the model gets the same values in
training, in the evaluation and in the service.
"""

import math
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mlops.problem.column import Column

Value = float | str | bool | None
DAY = len("2024-01-31")
TYPES = {"number": "float64", "category": "str", "id": "str", "date": "datetime64[us]"}
FEW = 100  # columns; assigning each of them takes 0.4 ms, but does not copy the other columns


def write_value(column: "Column", value: object) -> Value:
    """Convert a value of a column to JSON. A date becomes "2024-01-31", and a missing value becomes None.

    Parameters
    ----------
    column : Column
        The column.
    value : object
        A value from a table, or the result of an earlier call of this function.
    """
    if _is_missing(value):
        return None
    if column.kind == "number":
        return float(value) if math.isfinite(value) else None  # type: ignore[arg-type]
    if column.kind == "boolean":
        return bool(value)
    if column.kind == "date":
        return value.isoformat()[:DAY] if isinstance(value, date) else str(value)[:DAY]
    return str(value)


def _is_missing(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, str | bool | int | float | date):  # example rows, which `mlops status` writes without pandas
        return value != value  # NaN and NaT
    import pandas as pd

    return bool(pd.isna(value))


def make_table(columns: "Sequence[Column]", rows: "Sequence[Mapping[str, object]]") -> "pd.DataFrame":
    """Make a table from rows of JSON values. The columns have the types that `set_type` lists."""
    import pandas as pd

    names = [column.name for column in columns]
    return set_types(pd.DataFrame(list(rows), columns=names, dtype="object"), columns)


def set_types(table: "pd.DataFrame", columns: "Sequence[Column]") -> "pd.DataFrame":
    """Return a table whose declared columns have the declared types; see `set_type`. Ignored columns are unchanged."""
    read = [column for column in columns if column.role != "ignored" and column.name in table.columns]
    return replace_columns(table, {column.name: set_type(table[column.name], column) for column in read})


def set_type(values: "pd.Series", column: "Column") -> "pd.Series":
    """Return the values of a column with the type that its declaration gives them.

    A number is float64, a category or an id is str, and a date is datetime64[us]. A boolean is object if the column
    allows or has missing values, otherwise bool. A missing value is NaT in a date, None in a boolean, and NaN in any
    other column. An empty string counts as missing.

    Parameters
    ----------
    values : Series
        Values of the column's kind, of any dtype.
    column : Column
        The column.
    """
    import pandas as pd

    kind = column.read_as
    if kind == "boolean":
        gaps = values.isna()
        present = values.astype("object").where(~gaps, False).astype(bool)
        # Missing values become None, because MLflow's client refuses a boolean column that contains only NaN. They are
        # also kept in columns that do not allow them, so that the data test can report them.
        return present.astype("object").mask(gaps, None) if column.max_missing or gaps.any() else present
    if kind == "date" and values.dtype != TYPES["date"]:
        # The day of a time is that in its own time zone.
        values = pd.to_datetime(values.map(lambda value: str(value)[:DAY], na_action="ignore"))
    typed = values if values.dtype == TYPES[kind] else values.astype(TYPES[kind])
    if TYPES[kind] != "str":
        return typed
    empty = (typed == "").to_numpy()
    return typed.mask(empty) if empty.any() else typed


def replace_columns(table: "pd.DataFrame", columns: "dict[str, pd.Series] | pd.DataFrame") -> "pd.DataFrame":
    """Return a copy of a table in which the given columns replace those with the same names."""
    import pandas as pd

    names = list(columns)
    if len(names) <= FEW:
        replaced = table.copy(deep=False)
        for name in names:
            replaced[name] = columns[name]  # `assign` refuses a column with the name "self"
        return replaced
    kept = table.drop(columns=names)
    return pd.concat([kept, pd.DataFrame(columns, index=table.index)], axis="columns")[list(table.columns)]
