"""The rows of a request. They are read from JSON, checked against the schema, and passed to the script as arrays."""

# msgspec checks keys, kinds, ranges and allowed values while it reads. Only the range of dates is checked afterwards.
# If msgspec refuses a body, `faults` reads the body again to find the row and the column with the error.

import datetime
import itertools
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from .faults import MAX_ROWS, explain_text, find_fault, refuse_ids, split_rows
from .matrices import MatrixReader
from .refusals import Refusal
from .schema import Feature, Schema

EPOCH = datetime.date(1970, 1, 1).toordinal()
MISSING_DAY = np.iinfo(np.int64).min  # as datetime64, this is NaT
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
Numbers = NDArray[np.float64]
TEXTS = ("category", "id")  # kinds for which an empty string is a missing value
ANY_RECORD = dict[str, str | int | float | bool | None]
FILLED = Annotated[str, msgspec.Meta(min_length=1)]
Columns = Mapping[str, NDArray[Any]]
Rows = Numbers | Columns
Ids = list[str | None] | None  # one id for each row; None if no row has an id
ReadRows = tuple[Rows, int, Ids]  # the rows, their number, and their ids
SHORTEST_ROW = 3  # bytes, with a comma
MANY_BYTES = 1 << 13  # in a body; above, numpy counts a character in less time than `bytes.count`
MANY_ROWS = 8  # above, `struct` makes an array of numbers in less time than numpy, in 0.08 instead of 0.2 ms for 1,000


class RowReader:
    """A reader of the rows in the body of a request. A schema describes the rows."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._has_gaps = any(feature.missing for feature in schema.features)
        types = [_choose_type(feature) for feature in schema.features]
        self._values: Any = tuple[tuple(types)]  # type: ignore[misc]  # a type for each feature
        record = _choose_record(schema, types)
        self._unpack: Callable[[Any], tuple[Any, ...]] | None = None  # None if msgspec cannot unpack records
        if record != ANY_RECORD:
            self._unpack = msgspec.structs.astuple
        self._texts = [place for place, feature in enumerate(schema.features) if feature.kind in TEXTS]
        row: Any = record | self._values if schema.only_numbers else record
        ids: list[Any] = (
            [("ids", list[int | str | None] | None | msgspec.UnsetType, msgspec.UNSET)] if schema.id else []
        )
        request = msgspec.defstruct("Request", [("data", list[row]), *ids], forbid_unknown_fields=True)
        self._decoder = msgspec.json.Decoder(request)
        self._matrices = MatrixReader(schema.features, bool(schema.id)) if schema.only_numbers else None
        self._days = {
            place: feature.days
            for place, feature in enumerate(schema.features)
            if feature.kind == "date" and (feature.minimum or feature.maximum)
        }

    def read_rows(self, body: bytes) -> ReadRows:
        """Return the rows of a body, the number of rows, and their ids.

        If all features are numbers, the rows are an array of shape (n, k). Otherwise, they are a dict of columns, each
        an array of length n. A missing value is NaT in a date, None in a boolean, and NaN in any other column.

        Raises
        ------
        Refusal
            With status 400 if the body is not JSON, and 422 if its rows are wrong.
        """
        if read := self.read_matrix(body):
            return read
        try:
            content: Any = self._decoder.decode(body)
            read = content.data
            records = len(read) - ([*map(type, read)].count(tuple) if self._schema.only_numbers else 0)
            rows = self._unpack_rows(read, records)
        except msgspec.ValidationError as error:
            raise find_fault(self._schema, body, f"{error}.") from error
        except NOT_JSON as error:
            raise explain_text(body, error) from error
        if not rows:
            raise Refusal(422, "data has no rows. Send at least one row.", {"rule": "rows"})
        sent = content.ids if self._schema.id else msgspec.UNSET
        ids = None if sent is msgspec.UNSET else sent
        if ids is not None and len(ids) != len(rows):
            raise refuse_ids(len(ids), len(rows))
        keys = 1 + (sent is not msgspec.UNSET) + records * len(self._schema.names)
        if _has_more_colons(body, keys) and self._has_repeated_key(body, keys, rows, records, ids):
            raise find_fault(self._schema, body, "A key is repeated.")
        if self._schema.only_numbers:
            return self._make_matrix(rows), len(rows), _write_ids(ids)
        columns = [*zip(*rows, strict=True)]
        for place, (first, last) in self._days.items():
            wrong = (row for row, day in enumerate(columns[place]) if not (day is None or first <= day <= last))
            if (row := next(wrong, None)) is not None:
                raise find_fault(self._schema, body, f"A date is out of range - at `$.data[{row}]`.")
        named = zip(self._schema.features, columns, strict=True)
        return {feature.name: _make_column(feature, values) for feature, values in named}, len(rows), _write_ids(ids)

    def read_matrix(self, body: bytes) -> ReadRows | None:
        """Return what `read_rows` returns, or None if simdjson cannot read the body."""
        found = self._matrices.read_matrix(body) if self._matrices else None
        return found and (found[0], len(found[0]), _write_ids(found[1]))

    def _make_matrix(self, rows: Sequence[tuple[float | None, ...]]) -> Numbers:
        if self._has_gaps or len(rows) < MANY_ROWS:
            return np.array(rows, dtype=np.float64)
        matrix = np.empty((len(rows), len(self._schema.names)))
        struct.pack_into(f"{matrix.size}d", matrix.data, 0, *itertools.chain.from_iterable(rows))
        return matrix

    def _unpack_rows(self, rows: Sequence[Any], records: int) -> Sequence[tuple[Any, ...]]:
        if not records:
            return rows
        if self._unpack is None:
            return [row if type(row) is tuple else self._order_values(number, row) for number, row in enumerate(rows)]
        if records == len(rows):
            return [*map(self._unpack, rows)]
        return [row if type(row) is tuple else self._unpack(row) for row in rows]

    def _order_values(self, number: int, row: dict[str, Any]) -> tuple[Any, ...]:
        """Return the values of a record in the order of the features."""
        try:
            if row.keys() != {*self._schema.names}:
                raise msgspec.ValidationError("A record has unknown or missing keys")
            values: tuple[Any, ...] = msgspec.convert([row[name] for name in self._schema.names], self._values)
        except msgspec.ValidationError as error:
            raise msgspec.ValidationError(f"{error} - at `$.data[{number}]`") from error
        return values

    def _has_repeated_key(
        self,
        body: bytes,
        keys: int,
        rows: Sequence[tuple[Any, ...]],
        records: int,
        ids: Sequence[int | str | None] | None,
    ) -> bool:
        """Return whether an object in a valid body has a key twice: if so, the body has more colons than its values."""
        texts = itertools.chain((row[place] for row in rows for place in self._texts), ids or ())
        inside = sum(text.count(":") for text in texts if isinstance(text, str))
        inside += records * sum(name.count(":") for name in self._schema.names)
        unescaped = body.replace(rb"\\", b"") if rb"\u003" in body else b""
        escaped = unescaped.count(rb"\u003a") + unescaped.count(rb"\u003A")
        return body.count(b":") > keys + inside - escaped


def has_few_rows(body: bytes, most: int) -> bool:
    """Return True if it is certain that a valid body has at most `most` rows, and False if it may have more."""
    if len(body) < SHORTEST_ROW * most:
        return True
    # Each row has a bracket, and only texts can have others. numpy counts them in a tenth of the time of `bytes.count`.
    # "[" and "{" differ in one bit.
    return int(np.count_nonzero(np.frombuffer(body, np.uint8) | 32 == ord("{"))) <= most + 2


def require_few_rows(body: bytes) -> None:
    """Check that a body does not have more than `MAX_ROWS` rows, without reading the rows.

    Raises
    ------
    Refusal
        If it has more rows.
    """
    if has_few_rows(body, MAX_ROWS):
        return
    try:
        rows = len(split_rows(body))
    except NOT_JSON:
        return  # the reader finds out what is wrong
    if rows > MAX_ROWS:
        raise Refusal(413, f"data has more than {MAX_ROWS:,} rows. Send fewer rows at a time.", {"rule": "rows"})


def select_rows(rows: Rows, part: slice) -> Rows:
    """Return the part of a request's rows that the slice `part` selects."""
    return {name: column[part] for name, column in rows.items()} if isinstance(rows, Mapping) else rows[part]


def join_rows(requests: Sequence[Rows]) -> Rows:
    """Return the rows of several requests in one array, or in one dict of columns."""
    first = requests[0]
    if isinstance(first, Mapping):
        return {name: np.concatenate([rows[name] for rows in requests]) for name in first}  # type: ignore[call-overload]
    return np.concatenate(requests)  # type: ignore[arg-type]


def _has_more_colons(body: bytes, keys: int) -> bool:
    # A colon follows each key, so a body without more colons has no more keys.
    if keys == 1:
        return body.find(b":", body.find(b":") + 1) >= 0  # takes 1 microsecond for 1,000 rows, and `count` takes 50
    if len(body) < MANY_BYTES:
        return body.count(b":") > keys
    return int(np.count_nonzero(np.frombuffer(body, np.uint8) == ord(":"))) > keys


def _write_ids(ids: Sequence[int | str | None] | None) -> Ids:
    found = [None if one is None or one == "" else str(one) for one in ids or ()]
    return found if any(found) else None


def _choose_record(schema: Schema, types: Sequence[Any]) -> Any:
    if any(json.dumps(name, ensure_ascii=False) != f'"{name}"' for name in schema.names):
        return ANY_RECORD  # msgspec refuses some names, such as names with a quotation mark
    fields = [f"f{place}" for place in range(len(types))]  # the name of a feature is not always an identifier
    return msgspec.defstruct(
        "Record",
        list(zip(fields, types, strict=True)),
        rename=dict(zip(fields, schema.names, strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )


def _choose_type(feature: Feature) -> Any:
    kinds = {"boolean": bool, "date": datetime.date, "id": int | str, "category": str, "number": float}
    found: Any = kinds[feature.kind]
    if feature.kind in TEXTS and not feature.missing:
        found = {"category": FILLED, "id": int | FILLED}[feature.kind]
    if feature.allowed:
        found = Literal[(*filter(None, feature.allowed), *([""] if feature.missing else []))]
    if feature.kind == "number":
        found = Annotated[float, msgspec.Meta(ge=feature.minimum, le=feature.maximum)]  # type: ignore[arg-type]
    return found | None if feature.missing else found


def _make_column(feature: Feature, values: Sequence[Any]) -> NDArray[Any]:
    if feature.kind == "number":
        return np.array(values, dtype=np.float64)
    if feature.kind == "date":
        # numpy would take 2 microseconds for each date object.
        days = [MISSING_DAY if day is None else day.toordinal() - EPOCH for day in values]
        return np.array(days, dtype=np.int64).view("datetime64[D]").astype("datetime64[us]")
    if feature.kind == "id":  # becomes text, as in the training data
        values = [None if value is None else str(value) for value in values]
    if feature.kind == "boolean":
        return np.array(values, dtype=object if feature.missing else bool)
    # pandas converts None to NaN only if the column also contains a string. So the result for a single row could be
    # different.
    return np.array([value or np.nan for value in values] if feature.missing else values, dtype=object)
