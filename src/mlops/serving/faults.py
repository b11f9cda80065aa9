"""The first error in a request that the server refuses: row, column, value, and the broken rule."""

# This is slower than the check of valid requests, so it runs only for requests that failed that check.

import datetime
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from .refusals import Refusal, join_names, quote_value, shorten
from .schema import Feature, Schema, describe_values

MAX_ROWS = 50_000  # rows of a body
MAX_VALUES = 1_000_000  # values of a long body that is split into its rows, which takes 0.05 s
SEARCHED = 1 << 18  # bytes that are searched with Python's `json`, which takes 2 s for 8 MB of nested lists
AT_ROW = re.compile(r" - at `\$\.data\[(\d+)\]")  # in messages of msgspec
ENDS_OF_KEYS = re.compile(rb'"\s*:')  # or of quoted words in texts
LONGEST_NUMBER = 4300  # maximum number of digits of a whole number that Python converts
Details = Mapping[str, object]


def find_fault(schema: Schema, body: bytes, otherwise: str) -> Refusal:
    """Return the refusal of a body that does not match the schema; it describes the first error in the body.

    Parameters
    ----------
    schema : Schema
        The schema.
    body : bytes
        The body.
    otherwise : str
        The message if no error is found in the body. If it names a row as msgspec does (`AT_ROW`), only this row of a
        long body is searched. Otherwise, only those rows are searched that may have too many keys.
    """
    if len(body) > SEARCHED:
        return _find_in_rows(schema, body, otherwise)
    try:
        content = _decode(body)
    except (ValueError, RecursionError) as error:  # the body is not valid JSON behind its first error
        return _refuse_text(error)
    return next(_list_faults(schema, content), Refusal(422, otherwise))


def refuse_ids(ids: int, rows: int) -> Refusal:
    """Return the refusal of a body whose number of ids is not its number of rows."""
    said = f"ids has {_count(ids, 'value')}, but data has {_count(rows, 'row')}."
    return Refusal(422, f"{said} Send one id, or null, for each row.", {"rule": "rows"})


def explain_text(body: bytes, error: Exception) -> Refusal:
    """Return the refusal of a body that is not JSON or is nested too deeply.

    Parameters
    ----------
    body : bytes
        The body.
    error : Exception
        The error of the decoder that failed. The message quotes it only if Python's `json` finds no error.
    """
    if not body:
        return Refusal(400, "The body is not JSON: it is empty.")
    if len(body) > SEARCHED:
        return _refuse_text(error)
    try:
        _decode(body)
    except (ValueError, RecursionError) as found:  # this error has the line and the column
        return _refuse_text(found)
    return _refuse_text(error)


def split_rows(body: bytes) -> list[msgspec.Raw]:
    """Return the text of each row of a body.

    Raises
    ------
    msgspec.DecodeError, RecursionError
        If the body is not JSON, or is not an object with a list "data".
    """
    rows: list[msgspec.Raw] = _splitter.decode(body).data  # type: ignore[attr-defined]  # the struct is made below
    return rows


_splitter = msgspec.json.Decoder(msgspec.defstruct("Split", [("data", list[msgspec.Raw])]))


def _find_in_rows(schema: Schema, body: bytes, otherwise: str) -> Refusal:
    if body.count(b",") > MAX_VALUES:
        return Refusal(422, otherwise)
    try:
        rows = split_rows(body)
    except msgspec.ValidationError:
        return Refusal(422, otherwise)
    except (msgspec.DecodeError, RecursionError) as error:  # the body is not valid JSON behind its first error
        return _refuse_text(error)
    if place := AT_ROW.search(otherwise):
        numbers = [int(place[1])]
    else:
        keys = [len(ENDS_OF_KEYS.findall(bytes(row))) for row in rows[:MAX_ROWS]]
        numbers = [number for number, count in enumerate(keys) if count > len(schema.names)]
    rest = SEARCHED
    for number in numbers:
        row = bytes(rows[number]) if number < len(rows) else b""  # a second "data" can have fewer rows
        rest -= len(row)
        if rest < 0:
            break
        with suppress(ValueError, RecursionError):  # for example, the row has no valid text
            if found := next(_list_row_faults(schema, number, _decode(row)), None):
                return found
    return Refusal(422, otherwise)


class _Object(dict[str, Any]):
    """A JSON object.

    `repeated` has the first key that occurs more than once in the text of the object. It is empty if there is none.
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: list[str] = []
        if len(pairs) > len(self):
            counts = Counter(name for name, _ in pairs)  # an object can have 20,000 keys
            self.repeated = [next(name for name, count in counts.items() if count > 1)]


def _decode(body: bytes) -> Any:
    text = body.decode()  # `json.loads` would accept other encodings, and surrogates
    return json.loads(text, parse_int=_read_whole, parse_constant=_refuse_constant, object_pairs_hook=_Object)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a value of JSON")


def _refuse_text(error: Exception) -> Refusal:
    if isinstance(error, RecursionError):
        return Refusal(400, 'The body is nested too deeply. Send {"data": [...]} with a list or a record for each row.')
    return Refusal(400, f"The body is not JSON: {str(error).removeprefix('JSON is malformed: ')}.")


def _list_repeated_keys(place: str, found: dict[str, Any], row: Details) -> Iterator[Refusal]:
    for name in found.repeated if isinstance(found, _Object) else ():
        details = {**row, **({"column": shorten(name)} if row else {}), "rule": "repeated"}
        yield Refusal(422, f"{place} has the key {quote_value(name)} twice.", details)


def _read_whole(digits: str) -> float:
    return int(digits) if len(digits) < LONGEST_NUMBER else math.inf


def _list_faults(schema: Schema, content: Any) -> Iterator[Refusal]:
    if not isinstance(content, dict):
        said = f'The body is {quote_value(content)}, but it must be an object: {{"data": [...]}}.'
        yield Refusal(422, said, {"rule": "type"})
        return
    yield from _list_repeated_keys("The body", content, {})
    for key in content:
        if key != "data" and not (key == "ids" and schema.id):
            yield Refusal(422, _explain_key(schema, key), {"rule": "columns"})
    if "data" not in content:
        yield Refusal(422, 'The body has no key "data". Send {"data": [...]}.', {"rule": "columns"})
        return
    data = content["data"]
    if not isinstance(data, list):
        yield Refusal(422, f"data is {quote_value(data)}, but it must be a list of rows.", {"rule": "type"})
        return
    for number, row in enumerate(data):
        yield from _list_row_faults(schema, number, row)
    yield from _list_id_faults(content.get("ids"), len(data))


def _explain_key(schema: Schema, key: str) -> str:
    if schema.id:
        return f"The body has the unknown key {quote_value(key)}. Allowed keys: data, ids."
    reason = ", because the problem has no id column" if key == "ids" else ""
    return f'The body has the unknown key {quote_value(key)}{reason}. Send {{"data": [...]}}.'


def _list_id_faults(ids: Any, count: int) -> Iterator[Refusal]:
    if ids is None:
        return
    if not isinstance(ids, list):
        yield Refusal(422, f"ids is {quote_value(ids)}, but it must be a list.", {"rule": "type"})
        return
    for number, value in enumerate(ids):
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            said = f"ids[{number}] is {quote_value(value)}, but it must be text, a whole number, or null."
            yield Refusal(422, said, {"row": number, **_show_single(value), "rule": "type"})
    if len(ids) != count:
        yield refuse_ids(len(ids), count)


def _list_row_faults(schema: Schema, number: int, row: Any) -> Iterator[Refusal]:
    place, details = f"data[{number}]", {"row": number}
    if isinstance(row, dict):
        yield from _list_key_faults(schema, place, row, details)
        values = [row.get(name) for name in schema.names]
    elif isinstance(row, list) and schema.only_numbers:
        if len(row) != len(schema.names):
            needed = f"{len(schema.names)}: {join_names(schema.names)}"
            said = f"{place} has {_count(len(row), 'value')}, but it needs {needed}."
            yield Refusal(422, said, {**details, "rule": "columns"})
            return
        values = row
    else:
        reason = "" if schema.only_numbers else ", because not all features are numbers"
        allowed = f"Allowed keys: {join_names(schema.names)}"
        said = f"{place} is {quote_value(row)}, but it must be a record{reason}. {allowed}."
        yield Refusal(422, said, {**details, **_show_single(row), "rule": "type"})
        return
    for feature, value in zip(schema.features, values, strict=True):
        if rule := _find_broken_rule(feature, value):
            given = quote_value(value) + (", which counts as missing" if _is_empty(feature, value) else "")
            said = f"{_name_column(place, feature.name)} is {given}, but it must be {describe_values(feature)}."
            yield Refusal(422, said, {**details, "column": feature.name, **_show_single(value), "rule": rule})


def _list_key_faults(schema: Schema, place: str, row: dict[str, Any], details: Details) -> Iterator[Refusal]:
    yield from _list_repeated_keys(place, row, details)
    known = {*schema.names}
    for key in row:
        if key not in known:
            advice = (
                "Send the ids of rows in ids, beside data"
                if key == schema.id
                else f"Allowed keys: {join_names(schema.names)}"
            )
            said = f"{place} has the unknown key {quote_value(key)}. {advice}."
            yield Refusal(422, said, {**details, "column": shorten(key), "rule": "columns"})
    for feature in schema.features:
        if feature.name not in row:
            said = f"{place} has no key {quote_value(feature.name)}. Its value must be {describe_values(feature)}."
            yield Refusal(422, said, {**details, "column": feature.name, "rule": "columns"})


def _find_broken_rule(feature: Feature, value: Any) -> str:
    if value is None or _is_empty(feature, value):
        return "" if feature.missing else "missing"
    if not _has_kind(feature, value):
        return "type"
    if feature.kind == "category":
        return "values" if feature.allowed and value not in feature.allowed else ""
    if feature.kind == "number":
        return "" if _is_between(value, feature) else "range"
    first, last = feature.days
    return "range" if feature.kind == "date" and not first <= msgspec.convert(value, datetime.date) <= last else ""


def _has_kind(feature: Feature, value: Any) -> bool:
    if isinstance(value, bool):
        return feature.kind == "boolean"
    if feature.kind == "number":
        return isinstance(value, int | float)
    if feature.kind == "date":
        return isinstance(value, str) and _is_day(value)
    return isinstance(value, int | str if feature.kind == "id" else str) and feature.kind != "boolean"


def _is_empty(feature: Feature, value: Any) -> bool:
    return value == "" and feature.kind in ("category", "id")


def _is_between(value: float, feature: Feature) -> bool:
    low, high = feature.minimum, feature.maximum
    try:
        number = float(value)
    except OverflowError:
        return False
    return math.isfinite(number) and (low is None or number >= float(low)) and (high is None or number <= float(high))


def _is_day(text: str) -> bool:
    try:
        msgspec.convert(text, datetime.date)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the string has half of a surrogate pair
        return False
    return True


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show_single(value: object) -> Details:
    """Return the detail "value" of a refusal, or an empty dict for a huge number, a list or an object."""
    if isinstance(value, dict | list) or (isinstance(value, int | float) and abs(value) > sys.float_info.max):
        return {}
    return {"value": shorten(value) if isinstance(value, str) else value}


def _name_column(place: str, name: str) -> str:
    return f"{place}.{name}" if name.isidentifier() else f"{place}[{json.dumps(name, ensure_ascii=False)}]"
