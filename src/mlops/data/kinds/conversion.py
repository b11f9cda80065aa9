"""The conversion of a table's columns to the types of their declared kinds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlops.errors import UsageError
from mlops.problem import Column
from mlops.problem.values import TYPES, replace_columns, set_type


def list_texts(columns: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """Return the columns that must be read from a CSV file as text, each with its allowed values.

    If an id were read as a number, "007" would become 7.
    """
    read = [column for column in columns if column.role != "ignored"]
    return {column.name: column.allowed for column in read if column.read_as != "number"}


def convert_kinds(table: pd.DataFrame, columns: Sequence[Column], url: str) -> pd.DataFrame:
    """Return a table with its declared columns converted to the types of their kinds.

    See `mlops.problem.values.set_type` for the types. Ignored columns stay unchanged.

    Parameters
    ----------
    table : DataFrame
        A table as read from the data file.
    columns : sequence of Column
        The declared columns. The table can lack some of them.
    url : str
        The location of the data file, for error messages.

    Raises
    ------
    UsageError
        If a value is not of the declared kind.
    """
    types = dict(table.dtypes.items())
    declared = [column for column in columns if column.role != "ignored" and column.name in types]
    numbers = [column.name for column in declared if _holds_numbers(column, types[column.name])]
    others = [column for column in declared if not _holds_numbers(column, types[column.name])]
    converted = {column.name: _convert_column(table[column.name], column, url) for column in others}
    changed = [name for name in numbers if types[name] != "float64"]
    block = pd.DataFrame(table[changed].to_numpy(dtype=float, na_value=np.nan), table.index, changed)
    return replace_columns(replace_columns(table, block), converted)


def _holds_numbers(column: Column, dtype: object) -> bool:
    return column.read_as == "number" and pd.api.types.is_any_real_numeric_dtype(dtype)


def _convert_column(values: pd.Series, column: Column, url: str) -> pd.Series:
    kind = column.read_as
    if TYPES.get(kind) == "str" and values.dtype == "str":
        return set_type(values, column)
    # imported here, because a table with only numbers does not need polars
    from mlops.data.kinds.parsing import describe_kind, find_bad, find_words, make_series, parse_values

    raw = make_series(values)
    parsed = parse_values(raw, kind)
    bad = find_bad(raw, parsed)
    if bad.any():
        words = find_words(raw, bad) if kind == "number" else bad
        bad = words if words.any() else bad
        row = int(bad.arg_max() or 0)
        value = str(raw[row])
        raise UsageError(
            f"The data file {url} has {value!r} in the column {column.name}, row {row + 1} (counted from 1), but the "
            f"problem declares {describe_kind(column.kind, value)}."
        )
    return set_type(parsed.to_pandas().set_axis(values.index), column)
