"""The conversion of a column's values to the kind that the problem declares."""

import re
from collections.abc import Callable, Mapping
from datetime import date

import pandas as pd
import polars as pl
import pyarrow as pa
from pandas.api.types import infer_dtype

TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
DAY = r"^\d{4}-\d{2}-\d{2}"  # four, two and two digits, so that 2024-1-5 is not a date
MIDNIGHT = r"[T ]00:00(:00(\.0+)?)? ?(Z|[+-]\d{2}(:?\d{2})?)?$"  # in any time zone
TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"
ZONED = ("date", "datetime", "mixed")  # Arrow would convert all times of such objects to the time zone of the first
EXAMPLES = {
    "number": "numbers",
    "boolean": "true and false, or 1 and 0",
    "date": "dates such as 2024-01-31",
    "category": "text",
    "id": "text or whole numbers",
}
WHOLE = 2.0**63  # numbers of this size or larger do not fit into int64


def make_series(values: pd.Series) -> pl.Series:
    """Convert a pandas column to a polars column. Missing values become null, and times lose their time zone."""
    if isinstance(values.dtype, pd.CategoricalDtype) and isinstance(values.cat.categories.dtype, pd.DatetimeTZDtype):
        values = values.astype(values.cat.categories.dtype)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    if values.dtype == object and infer_dtype(values) in ZONED and any(isinstance(value, date) for value in values):
        return _write_texts(values)
    try:
        return pl.Series(pl.from_pandas(values))
    except (pa.ArrowException, TypeError, OverflowError):  # values of several types, or of a type that Arrow lacks
        return _write_texts(values)


def _write_texts(values: pd.Series) -> pl.Series:
    pairs = zip(values, values.isna(), strict=True)
    return pl.Series([None if gap else str(value) for value, gap in pairs], dtype=pl.String)


def find_gaps(values: pl.Series) -> pl.Series:
    """Return a column of booleans, which is true where a value is missing. An empty string counts as missing."""
    if values.dtype == pl.String:
        return values.is_null() | (values == "").fill_null(True)
    return values.is_null() | values.is_nan() if values.dtype.is_float() else values.is_null()


def parse_values(values: pl.Series, kind: str) -> pl.Series:
    """Convert the values of a column to a kind: "number", "category", "boolean", "date" or "id".

    Parameters
    ----------
    values : Series
        The values, of any type.
    kind : str
        The kind to convert to.

    Returns
    -------
    Series
        The values as Float64, String, Boolean or Datetime. A value that is missing, or not of the kind, is null.
    """
    return PARSERS[kind](values.set(find_gaps(values), None) if values.dtype == pl.String else values)


def find_bad(values: pl.Series, parsed: pl.Series) -> pl.Series:
    """Return a column of booleans, which is true for a value that could not be parsed."""
    return parsed.is_null() & ~find_gaps(values)


def find_words(values: pl.Series, bad: pl.Series) -> pl.Series:
    """Return a column of booleans: true for bad values such as "ten", but not for numbers as text, such as "10"."""
    return bad & values.str.strip_chars().cast(pl.Float64, strict=False).is_null() if values.dtype == pl.String else bad


def find_times(values: pl.Series) -> pl.Series:
    """Return a column of booleans, which is true for a date with a time of day other than midnight."""
    if isinstance(values.dtype, pl.Datetime):
        return find_bad(values, _parse_dates(values))
    if values.dtype != pl.String:
        return pl.repeat(False, len(values), dtype=pl.Boolean, eager=True)
    return (values.str.contains(TIME) & ~values.str.contains(MIDNIGHT)).fill_null(False)


def describe_kind(kind: str, value: str) -> str:
    """Return which values a kind allows and, if `value` is a date with a time of day, what to do about the time."""
    if kind == "date" and re.match(TIME, value):
        return f"{EXAMPLES[kind]} (drop the time of day, or compute a number, such as hours)"
    return EXAMPLES[kind]


def count_days(dates: pl.Series) -> pl.Series:
    """Return dates as the number of days since 1970-01-01."""
    return dates.cast(pl.Date).cast(pl.Int32)


def _parse_numbers(values: pl.Series) -> pl.Series:
    usable = values.dtype.is_numeric() or values.dtype == pl.Null
    return values.cast(pl.Float64) if usable else pl.Series([None] * len(values), dtype=pl.Float64)


def _parse_texts(values: pl.Series) -> pl.Series:
    if values.dtype.is_float():  # pandas reads whole numbers as floats if one of them is missing
        whole = values.is_finite() & (values == values.floor()) & (values.abs() < WHOLE)
        texts = values.fill_nan(None).cast(pl.String)
        return values.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole.fill_null(False), texts)
    if values.dtype == pl.Boolean:
        return values.replace_strict({True: "True", False: "False"}, default=None, return_dtype=pl.String)
    if values.dtype.is_nested():
        return pl.Series([None] * len(values), dtype=pl.String)
    return values.cast(pl.String, strict=False)


def _parse_booleans(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Boolean:
        return values
    texts = _parse_texts(values).str.strip_chars().str.to_lowercase()
    return texts.replace_strict(TRUTH, default=None, return_dtype=pl.Boolean)


def _parse_dates(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        values = values.dt.replace_time_zone(None)
    if values.dtype in (pl.Date, pl.Datetime):
        days = values.cast(pl.Date).cast(pl.Datetime("us"))
        return days.set((days != values).fill_null(False), None)
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return pl.Series([None] * len(values), dtype=pl.Datetime("us"))
    texts = values.cast(pl.String).str.strip_chars()
    texts = texts.set(~texts.str.contains(DAY), None)
    days = texts.str.to_datetime("%Y-%m-%d", strict=False, time_unit="us")
    if days.null_count() == texts.null_count():  # true for most columns, which are then parsed much faster
        return days
    return texts.str.replace(MIDNIGHT, "").str.to_datetime("%Y-%m-%d", strict=False, time_unit="us")


PARSERS: Mapping[str, Callable[[pl.Series], pl.Series]] = {
    "number": _parse_numbers,
    "category": _parse_texts,
    "boolean": _parse_booleans,
    "date": _parse_dates,
    "id": _parse_texts,
}
