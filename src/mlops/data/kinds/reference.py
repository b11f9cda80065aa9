"""The profile of a table as a reference for later data."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import polars as pl

from mlops.data.kinds.counts import CountProfile, ValueCounts, count_values, summarize_counts
from mlops.data.kinds.inference import infer_kind, is_id_name, recognize_values
from mlops.data.kinds.parsing import count_days, make_series, parse_values
from mlops.data.profile import ColumnProfile, choose_edges, is_number, profile_column, require_once
from mlops.errors import UsageError
from mlops.problem import Column

TRUTH = ("false", "true")


def make_reference(frame: pd.DataFrame, columns: Sequence[Column] = ()) -> dict[str, ColumnProfile | CountProfile]:
    """Return the profile of each column of a table, except ignored columns, as a reference for later data.

    Parameters
    ----------
    frame : DataFrame
        A table.
    columns : sequence of Column, optional
        The declared columns. The kind of an undeclared column is inferred.

    Raises
    ------
    UsageError
        If a column occurs twice, if a column of numbers or dates contains values of another kind, if such a column has
        no values, or if it contains a number so large that its square is infinite.
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    require_once(list(frame.columns))
    declared = {column.name: column for column in columns}
    ignored = {column.name for column in columns if column.role == "ignored"}
    read = {str(name): values for name, values in frame.items() if name not in ignored}
    return {name: _profile_column(name, values, declared.get(name)) for name, values in read.items()}


def list_expected(column: Column | None, kind: str) -> tuple[str, ...]:
    """Return the expected values of a column. Each has its own count, even if other values are counted together."""
    return TRUTH if kind == "boolean" else column.allowed if column else ()


def require_numbers(name: str, kind: str, *, is_number: bool) -> None:
    """Raise an error unless `is_number` is true. `kind` says what the column `name` contains, for the message.

    Raises
    ------
    UsageError
        If `is_number` is false.
    """
    if not is_number:
        raise UsageError(f"The column {name} contains {kind}, but the problem declares numbers. Convert or remove it.")


def require_profile(name: str, column: ColumnProfile) -> ColumnProfile:
    """Return `column`, the profile of the column `name`, or raise an error if the data test could not use it.

    Raises
    ------
    UsageError
        If the column has no finite value, or if it has a value so large that its square is infinite.
    """
    if not column.count:
        values = "date" if column.kind == "date" else "finite number"
        raise UsageError(f"The column {name} contains no {values}, so it cannot have a profile. Remove the column.")
    if not np.isfinite([column.mean, column.squares, *column.edges]).all():
        largest = max(column.minimum or 0.0, column.maximum or 0.0, key=abs)
        raise UsageError(
            f"The column {name} contains {largest}, which is too large for a profile. Correct or remove it."
        )
    return column


def _profile_column(name: str, values: pd.Series, declared: Column | None) -> ColumnProfile | CountProfile:
    kind = declared.read_as if declared else _infer_kind(name, values)
    if kind == "number":
        require_numbers(name, str(values.dtype), is_number=is_number(values.dtype))
        return _profile_numbers(name, values, kind)
    parsed = parse_values(make_series(values), kind)
    if kind == "date":
        return _profile_numbers(name, count_days(parsed).cast(pl.Float64).to_pandas(), kind)
    if kind == "id":
        return summarize_counts(kind, ValueCounts(other=len(parsed) - parsed.null_count()), parsed.null_count())
    return summarize_counts(kind, count_values(parsed, list_expected(declared, kind)), parsed.null_count())


def _infer_kind(name: str, values: pd.Series) -> str:
    if is_number(values.dtype) and not is_id_name(name):  # true for most columns, and faster than `infer_kind`
        return "number"
    return infer_kind(name, [recognize_values(make_series(values))])


def _profile_numbers(name: str, values: pd.Series, kind: str) -> ColumnProfile:
    with np.errstate(over="ignore", invalid="ignore"):  # the caller reports values that are too large
        column = profile_column(values.to_numpy(dtype=float, na_value=np.nan), choose_edges(values), kind)
    return require_profile(name, column)
