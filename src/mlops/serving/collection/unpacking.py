"""The columns of a segment as arrays."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layout import CollectedColumn, Header, Packed, Record

Arrays = dict[str, NDArray[Any]]


def unpack_rows(header: Header, records: Iterable[Record]) -> Arrays:
    """Return the stored columns of records, one array per column.

    Numbers are float64 (missing: NaN), and dates are ``datetime64[us]`` (missing: NaT). All other values, and HMACs
    of values, are objects (missing: None).
    """
    records = [*records]
    if not records or not header.stored:
        return {}
    if isinstance(records[0].rows, bytes):  # so are those of all records of the segment
        width = len(header.stored)
        matrix = np.concatenate([np.frombuffer(_get_bytes(record.rows)).reshape(-1, width) for record in records])
        return {column.name: matrix[:, place] for place, column in enumerate(header.stored)}
    return {
        column.name: np.concatenate([_unpack_column(column, record.rows[place]) for record in records])  # type: ignore[arg-type]
        for place, column in enumerate(header.stored)
    }


def unpack_predictions(header: Header, records: Iterable[Record]) -> list[NDArray[Any]]:
    """Return one array of predictions for each record, of shape (n,) or (n, classes)."""
    return [_unpack_prediction(record) for record in records]


def list_ids(header: Header, record: Record) -> Iterator[tuple[str, list[str | None], bool]]:
    """For each column of the kind "id", yield its name, its values in a record, and whether the values are hashed.

    If the request has ids outside of its rows, they are yielded first, with the name "".
    """
    if record.ids is not None:
        yield "", record.ids, header.id is not None and header.id.treatment == "hashed"
    if not isinstance(record.rows, bytes):
        for place, column in enumerate(header.stored):
            if column.kind == "id":
                yield column.name, record.rows[place], column.treatment == "hashed"


def keep_rows(header: Header, record: Record, kept: NDArray[np.bool_]) -> Record:
    """Return a copy of a record with only the rows for which `kept` is true."""
    choose = kept.nonzero()[0].tolist()

    def select(packed: Packed) -> Packed:
        if isinstance(packed, bytes):
            values = np.frombuffer(packed, dtype=np.int64).reshape(record.count, -1)
            return values[choose].tobytes()
        return [packed[place] for place in choose]

    rows, places = record.rows, record.places or range(record.count)
    return Record(
        record.request,
        len(choose),
        select(rows) if isinstance(rows, bytes) else [select(column) for column in rows],
        select(record.predictions),
        None if record.ids is None else [record.ids[place] for place in choose],
        [places[place] for place in choose],
    )


def _unpack_column(column: CollectedColumn, packed: Packed) -> NDArray[Any]:
    if isinstance(packed, bytes):
        return np.frombuffer(packed, dtype="datetime64[us]" if column.kind == "date" else np.float64)
    found = np.empty(len(packed), dtype=object)
    found[:] = packed
    return found


def _unpack_prediction(record: Record) -> NDArray[Any]:
    if not isinstance(record.predictions, bytes):
        found = np.empty(record.count, dtype=object)
        found[:] = record.predictions
        return found
    matrix = np.frombuffer(record.predictions).reshape(record.count, -1)
    return matrix[:, 0] if matrix.shape[1] == 1 else matrix


def _get_bytes(packed: Packed) -> bytes:
    assert isinstance(packed, bytes)
    return packed
