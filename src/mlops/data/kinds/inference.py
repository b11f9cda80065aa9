"""The kind of a column that no problem declares, inferred from its name and its values."""

import re
from collections.abc import Iterable

import polars as pl

from mlops.data.kinds.parsing import find_bad, find_gaps, parse_values
from mlops.problem.column import Kind

ID = re.compile(r"(?i:(^|[^a-z])(id|uuid|guid)([^a-z]|$))|[a-z]I[dD]$")  # such as customer_id, ID, customerId


def recognize_values(values: pl.Series) -> str:
    """Return what a column contains: "nothing", "boolean", "integer", "number", "date" or "text"."""
    if values.dtype.is_numeric():
        return "integer" if values.dtype.is_integer() and not values.null_count() else "number"
    if find_gaps(values).all():
        return "nothing"
    if values.dtype == pl.Boolean:
        return "boolean"
    dates = parse_values(values, "date")
    return "text" if find_bad(values, dates).any() else "date"


def is_id_name(name: str) -> bool:
    """Return whether the name of a column contains the word "id"."""
    return bool(ID.search(name))


def infer_kind(name: str, recognized: Iterable[str]) -> Kind:
    """Return the kind of a column, inferred from its name and its values.

    Parameters
    ----------
    name : str
        The name of the column. If it contains the word "id", a column of text or whole numbers is an id.
    recognized : iterable of str
        The results of `recognize_values` for all parts of the column.
    """
    found = set(recognized) - {"nothing"}
    if found and found <= {"text", "integer"} and is_id_name(name):
        return "id"
    if found and found <= {"integer", "number"}:
        return "number"
    if found == {"boolean"}:
        return "boolean"
    return "date" if found == {"date"} else "category"
