"""The first fault of a request that the server refuses: its row, its column, the value, and what is allowed."""

# This is slower than the check of a good request, and only runs for a bad one.

import datetime
import json
import math
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from .refusals import Refusal
from .schema import Feature, Schema

LONGEST_VALUE = 40  # characters of a value that a message shows
MOST_NAMES = 10
LONGEST_NUMBER = 4300  # digits of a whole number that Python converts


def find_fault(schema: Schema, body: bytes, otherwise: str) -> Refusal:
    """Return the refusal of a body that does not fit the schema.

    Parameters
    ----------
    schema : Schema
        The schema.
    body : bytes
        The body.
    otherwise : str
        What to say if no fault is found.
    """
    try:
        content = _decode(body)
    except (ValueError, RecursionError) as error:  # the body is damaged behind its first fault
        return Refusal(400, f"The body is not JSON: {error}.")
    return Refusal(422, next(_list_faults(schema, content), otherwise))


def has_repeated_key(body: bytes) -> bool:
    """Return whether an object in a body of valid JSON has a key twice."""
    content = _decode(body)
    return any(isinstance(found, _Object) and bool(found.repeated) for found in (content, *content["data"]))


class _Object(dict[str, Any]):
    """A JSON object.

    `repeated` has the first key that the text of the object contains more than once, and is empty if there is none.
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.repeated = [name for name in self if names.count(name) > 1][:1] if len(names) > len(self) else []


def _decode(body: bytes) -> Any:
    return json.loads(body, parse_int=_read_whole, object_pairs_hook=_Object)


def _list_repeated_keys(place: str, found: dict[str, Any]) -> Iterator[str]:
    if isinstance(found, _Object):
        yield from (f"{place} has the key {quote_value(name)} twice." for name in found.repeated)


def _read_whole(digits: str) -> float:
    return int(digits) if len(digits) < LONGEST_NUMBER else math.inf


def _list_faults(schema: Schema, content: Any) -> Iterator[str]:
    if not isinstance(content, dict):
        yield f'The body is {quote_value(content)}, but it must be an object: {{"data": [...]}}.'
        return
    yield from _list_repeated_keys("The body", content)
    for key in content:
        if key != "data":
            yield f'The body has the unknown key {quote_value(key)}. Send {{"data": [...]}}.'
    if "data" not in content:
        yield 'The body has no key "data". Send {"data": [...]}.'
        return
    data = content["data"]
    if not isinstance(data, list):
        yield f"data is {quote_value(data)}, but it must be a list of rows."
        return
    for place, row in enumerate(data):
        yield from _list_row_faults(schema, f"data[{place}]", row)


def _list_row_faults(schema: Schema, place: str, row: Any) -> Iterator[str]:
    if isinstance(row, dict):
        yield from _list_key_faults(schema, place, row)
        values = [row.get(name) for name in schema.names]
    elif isinstance(row, list) and schema.only_numbers:
        if len(row) != len(schema.names):
            yield f"{place} has {len(row)} values, but it needs {len(schema.names)}: {_join(schema.names)}."
            return
        values = row
    else:
        reason = "" if schema.only_numbers else ", because not all features are numbers"
        yield f"{place} is {quote_value(row)}, but it must be a record{reason}. Allowed keys: {_join(schema.names)}."
        return
    for feature, value in zip(schema.features, values, strict=True):
        if not _fits(feature, value):
            given = quote_value(value) + (", which counts as missing" if _is_empty(feature, value) else "")
            yield f"{_name_column(place, feature.name)} is {given}, but it must be {_describe(feature)}."


def _list_key_faults(schema: Schema, place: str, row: dict[str, Any]) -> Iterator[str]:
    yield from _list_repeated_keys(place, row)
    known = {*schema.names}
    for key in row:
        if key not in known:
            yield f"{place} has the unknown key {quote_value(key)}. Allowed keys: {_join(schema.names)}."
    for feature in schema.features:
        if feature.name not in row:
            yield f"{place} has no key {quote_value(feature.name)}. Its value must be {_describe(feature)}."


def _fits(feature: Feature, value: Any) -> bool:
    if value is None or _is_empty(feature, value):
        return feature.missing
    if isinstance(value, bool):
        return feature.kind == "boolean"
    if feature.kind == "number":
        return isinstance(value, int | float) and _is_between(value, feature)
    if feature.kind == "category":
        return isinstance(value, str) and (not feature.allowed or value in feature.allowed)
    if feature.kind == "date":
        return isinstance(value, str) and _is_day_between(value, feature)
    return feature.kind == "id" and isinstance(value, int | str)


def _is_empty(feature: Feature, value: Any) -> bool:
    return value == "" and feature.kind in ("category", "id")


def _is_between(value: float, feature: Feature) -> bool:
    low, high = feature.minimum, feature.maximum
    try:
        number = float(value)
    except OverflowError:
        return False
    return math.isfinite(number) and (low is None or number >= float(low)) and (high is None or number <= float(high))


def _is_day_between(text: str, feature: Feature) -> bool:
    try:
        day = msgspec.convert(text, datetime.date)
    except msgspec.ValidationError:
        return False
    first, last = feature.days
    return first <= day <= last


def _describe(feature: Feature) -> str:
    if feature.allowed:
        return f"one of: {_join(feature.allowed)}" + (", or null" if feature.missing else "")
    kinds = {
        "number": "a number",
        "date": "a date",
        "boolean": "true or false",
        "category": "text",
        "id": "text or a whole number",
    }
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None:
        limits = f" from {_show(low)} to {_show(high)}"
    elif low is not None:
        limits = f" from {_show(low)}"
    else:
        limits = f" up to {_show(high)}" if high is not None else ""
    form = ' in the form "2024-01-31"' if feature.kind == "date" and not limits else ""
    return f"{kinds[feature.kind]}{limits}{form}" + (", or null" if feature.missing else "")


def _show(bound: float | str) -> str:
    if isinstance(bound, str):
        return f'"{bound}"'
    return f"{bound:,.0f}" if float(bound).is_integer() and abs(bound) < 1e15 else f"{bound}"


def quote_value(value: object) -> str:
    """Return a value as JSON, shortened for a message."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int | float) and abs(value) > sys.float_info.max:
        return "too large" if value > 0 else "too small"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _name_column(place: str, name: str) -> str:
    return f"{place}.{name}" if name.isidentifier() else f"{place}[{json.dumps(name, ensure_ascii=False)}]"


def _join(names: Iterable[str]) -> str:
    listed = [*names]
    rest = len(listed) - MOST_NAMES
    return ", ".join(listed[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
