"""Requests that a service must refuse, derived from the schema of its image."""

import datetime
import math
from collections.abc import Iterator, Sequence
from typing import Any

from mlops.serving.schema import Feature, Schema

Body = dict[str, list[Any]]
OTHER_KINDS: dict[str, tuple[str, object]] = {  # for each kind, a value of another kind, with its description
    "number": ("text", "1"),
    "category": ("a number", 1),
    "boolean": ("text", "true"),
    "date": ("a number", 20240131),
    "id": ("a boolean", True),
}


def list_bad_requests(schema: Schema, rows: Sequence[Any]) -> Iterator[tuple[str, Body]]:
    """Yield the names and bodies of requests that the service must refuse because they do not match the schema.

    Parameters
    ----------
    schema : Schema
        The schema of the image.
    rows : sequence of list or dict
        Rows that match the schema.
    """
    yield "no rows", {"data": []}
    if all(isinstance(row, list | tuple) for row in rows):
        yield "one column too few", {"data": [row[:-1] for row in rows]}
        yield "text for numbers", {"data": [[str(value) for value in row] for row in rows]}
        yield "rows of unequal length", {"data": [rows[0], rows[-1][:-1]]}
    for name, record in _list_bad_records(schema, make_record(schema, rows[0])):
        yield name, {"data": [record]}


def make_record(schema: Schema, row: Any) -> dict[str, Any]:
    """Return a row as a record: its values by the names of the features."""
    return dict(row) if isinstance(row, dict) else dict(zip(schema.names, row, strict=True))


def _list_bad_records(schema: Schema, good: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    first, unknown = schema.names[0], "unknown"
    while unknown in schema.names:
        unknown += "_"
    if not schema.only_numbers:
        yield "a list instead of a record", [*good.values()]
    yield "a record with an unknown key", {**good, unknown: 1}
    yield f"a record without {first}", {name: value for name, value in good.items() if name != first}
    shown: set[str] = set()
    for feature in schema.features:  # each rule is broken by only one request
        for rule, name, value in _list_bad_values(feature):
            if rule not in shown:
                shown.add(rule)
                yield name, {**good, feature.name: value}


def _list_bad_values(feature: Feature) -> Iterator[tuple[str, str, object]]:
    other, value = OTHER_KINDS[feature.kind]
    yield feature.kind, f"{other} for {feature.name}", value
    if not feature.missing:
        yield "missing", f"null for {feature.name}", None
    outside = _find_value_outside(feature)
    if outside is not None:
        yield f"range of {feature.kind}", f"{outside!r} for {feature.name}".replace("'", ""), outside


def _find_value_outside(feature: Feature) -> float | str | None:
    if feature.allowed:
        return f"not {' or '.join(feature.allowed[:2])}"
    low, high = feature.minimum, feature.maximum
    if feature.kind == "date":
        first, last = feature.days
        if first > datetime.date.min:
            return (first - datetime.timedelta(days=1)).isoformat()
        return (last + datetime.timedelta(days=1)).isoformat() if last < datetime.date.max else None
    if isinstance(low, float):
        outside = low - max(1.0, abs(low))
    else:
        outside = high + max(1.0, abs(high)) if isinstance(high, float) else math.inf
    return outside if math.isfinite(outside) else None
