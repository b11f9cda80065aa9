"""The check that rows meet the rules of their columns."""

from datetime import date
from numbers import Integral, Real
from typing import TYPE_CHECKING

from mlops.errors import ProblemError

if TYPE_CHECKING:
    import pandas as pd

    from mlops.problem.column import Column
    from mlops.problem.declared import Problem

TYPES = {
    "number": "numbers",
    "category": "text",
    "boolean": "True and False",
    "date": "dates",
    "id": "text or whole numbers",
}


def check_rows(problem: "Problem", rows: "pd.DataFrame") -> None:
    """Check that rows have the declared columns, and that the values meet the rules of each column.

    The values must already have the types of their kinds, because the problem trains on the rows as they are. The data
    test, which reads a file, also checks the shares of values, the number of rows, duplicate rows, and drift.

    Raises
    ------
    ProblemError
        If a column is missing, or if a value breaks a rule of its column.
    """
    for column in problem.columns:
        if column.role == "ignored":
            continue
        if column.name not in rows:
            raise ProblemError(f"{column} is declared, but the rows do not have it. Correct the name, or remove it.")
        broken = _describe_broken_rule(column, rows[column.name])
        if broken:
            raise ProblemError(f"{column} {broken}. Correct the declaration or the rows.")


def _describe_broken_rule(column: "Column", values: "pd.Series") -> str:
    missing = float(values.isna().mean()) if len(values) else 0.0
    if missing > column.max_missing:
        return f"has {missing:.1%} missing values, but max_missing is {column.max_missing:g}"
    present = values.dropna()
    wrong = None if _has_type(column.kind, present) else _find_wrong(column.kind, present)
    if wrong is not None:
        return f"has the value {_show(wrong)}, but its kind is {column.kind!r}: {TYPES[column.kind]}"
    if column.role == "id" and present.duplicated().any():
        return f"has the value {_show(present[present.duplicated()].iloc[0])} more than once, but an id must be unique"
    if column.allowed and not present.isin(column.allowed).all():
        return f"has {_show(present[~present.isin(column.allowed)].iloc[0])}, which is not in allowed"
    return _find_outside(column, present)


def _find_outside(column: "Column", present: "pd.Series") -> str:
    import pandas as pd

    dates = column.kind == "date"
    for bound, end, is_outside in (
        (column.minimum, "minimum", pd.Series.lt),
        (column.maximum, "maximum", pd.Series.gt),
    ):
        if bound is not None:
            values = pd.to_datetime(present, utc=True).dt.normalize() if dates else present  # days, as in the data test
            outside = is_outside(values, pd.Timestamp(bound, tz="UTC") if dates else bound)
            if outside.any():
                return f"has {present[outside].iloc[0]}, but its {end} is {bound}"
    return ""


def _show(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _has_type(kind: str, values: "pd.Series") -> bool:
    import pandas as pd

    if kind == "number":
        return bool(pd.api.types.is_any_real_numeric_dtype(values.dtype))
    return bool(values.dtype.kind == {"boolean": "b", "date": "M"}.get(kind))


def _find_wrong(kind: str, values: "pd.Series") -> object:
    return next((value for value in values if not _is_of_kind(kind, value)), None)


def _is_of_kind(kind: str, value: object) -> bool:
    if kind == "boolean":
        return value in (False, True)  # 0 and 1, too
    if kind == "number":
        return isinstance(value, Real) and not isinstance(value, bool)
    if kind == "date":
        return isinstance(value, date)
    return isinstance(value, str) or (kind == "id" and isinstance(value, Integral))
