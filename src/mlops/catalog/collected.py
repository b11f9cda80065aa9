"""The rows that a service collected, as one table."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlops.catalog.segments import read_segments
from mlops.errors import UsageError
from mlops.platform.datasets import CollectedPlace
from mlops.serving.collection.layout import CollectedColumn, Header, Record, Turn
from mlops.serving.collection.segments import Segment
from mlops.serving.collection.unpacking import unpack_predictions, unpack_rows
from mlops.serving.tracing import TEST

if TYPE_CHECKING:
    import pyarrow as pa

SECOND = 1_000_000_000
# Columns that describe a row begin with an underscore, so that features keep their names.
TIME, REQUEST, ROW, ID, MODEL, VERSION, SHARE = "_time", "_request", "_row", "_id", "_model", "_version", "_share"
PREDICTION, RESPONSE = "_prediction", "response"


@dataclass(frozen=True)
class Selection:
    """The rows to read.

    Parameters
    ----------
    since, until : datetime, optional
        Read only rows from `since` on, and only rows before `until`. None for no limit.
    version : str
        The version of the model; empty for all.
    """

    since: datetime | None = None
    until: datetime | None = None
    version: str = ""

    def includes(self, header: Header) -> bool:
        """Return whether the segment with this header is selected, judging only by the version of the model."""
        return self.version in ("", header.version)

    def select(self, turns: list[Turn]) -> list[Turn]:
        """Return the turns (groups of records) that were written in the selected range of time."""
        first = int(self.since.timestamp() * SECOND) if self.since else 0
        end = int(self.until.timestamp() * SECOND) if self.until else 1 << 63
        return [turn for turn in turns if first <= turn.time < end]


def read_collected(place: CollectedPlace, selection: Selection) -> "pa.Table":
    """Return the collected rows, sorted by time. Each row occurs once, even if two files have it.

    The table has a column for each feature, with the type of the feature's kind, and also these columns:

    ============================  =====================================================================
    ``_time``                     when the row was scored, UTC
    ``_request``, ``_row``        the id of the request, and the number of the row in it, from 0
    ``_id``                       the id of the row, if a request has ids
    ``_model``, ``_version``      the model and its version
    ``_share``                    the share of the requests that was collected
    ``_prediction``               the prediction; ``_prediction_CLASS`` for the probability of a class
    ============================  =====================================================================

    If the scoring script reads the bodies of requests, the table has the columns ``request`` and ``response`` with the
    bodies instead of the features and the prediction.

    Raises
    ------
    UsageError
        If a column has different kinds in different versions of the model.
    """
    import pyarrow as pa

    days = [
        moment.astimezone(UTC).date().isoformat() if moment else "" for moment in (selection.since, selection.until)
    ]
    tables = []
    for _, segment in read_segments(place, *days):
        turns = selection.select(segment.turns)
        if selection.includes(segment.header) and turns:
            tables += [_make_table(segment.header, part) for part in _split_by_form(segment, turns)]
    if not tables:
        return pa.table({})
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        name, kinds = _find_conflict(tables)
        raise UsageError(
            f"The column {name} has different kinds of values: {kinds}. Add --version NUMBER to read one version, or "
            "--from TIME to read only later rows."
        ) from error
    return table.sort_by([(TIME, "ascending"), (REQUEST, "ascending"), (ROW, "ascending")])


def count_tests(table: "pa.Table") -> int:
    """Return how many rows of a table were sent by tests of releases."""
    import pyarrow.compute as pc

    return (pc.sum(pc.starts_with(table[REQUEST], TEST)).as_py() or 0) if table.num_rows else 0


def write_collected(table: "pa.Table", path: Path) -> None:
    """Write a table to a file: as CSV if its name ends with .csv, otherwise as Parquet."""
    import pyarrow.csv
    import pyarrow.parquet

    from mlops.files.atomic import open_replacement

    write = pyarrow.csv.write_csv if path.suffix == ".csv" else pyarrow.parquet.write_table
    with open_replacement(path, 0o600) as file:
        write(table, file)


def _find_conflict(tables: "list[pa.Table]") -> tuple[str, str]:
    """Return the name of the first column whose types cannot be combined, and a list of these types, as text."""
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    name = next(name for name in names if not _can_combine(name, tables))
    kinds = {
        f"{table.schema.field(name).type} in {table[MODEL][0]} version {table[VERSION][0]}"
        for table in tables
        if name in table.column_names
    }
    return name, ", ".join(sorted(kinds))


def _can_combine(name: str, tables: "list[pa.Table]") -> bool:
    import pyarrow as pa

    fields = [pa.schema([table.field(name)]) for table in tables if name in table.column_names]
    try:
        pa.unify_schemas(fields, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return False
    return True


def _split_by_form(segment: Segment, turns: list[Turn]) -> Iterator[list[tuple[int, Record]]]:
    """Yield groups of consecutive records with their times. The predictions of a group have the same type and shape."""
    timed = [(turn.time, record) for turn in turns for record in turn.records]

    def find_form(item: tuple[int, Record]) -> object:
        (found,) = unpack_predictions(segment.header, [item[1]])
        return found.dtype.kind, found.shape[1:], type(found[0]) if found.dtype.kind == "O" else None

    for _, group in itertools.groupby(timed, find_form):
        yield [*group]


def _make_table(header: Header, timed: list[tuple[int, Record]]) -> "pa.Table":
    import pyarrow as pa

    records = [record for _, record in timed]
    counts = [record.count for record in records]
    total = sum(counts)
    numbers = [np.arange(one.count) if one.places is None else np.array(one.places) for one in records]
    none: list[str | None] = [None]
    ids = [one for record in records for one in (record.ids or none * record.count)]
    times = np.repeat(np.array([time // 1000 for time, _ in timed]), counts)
    requests = [record.request for record in records for _ in range(record.count)]
    columns: dict[str, Any] = {
        TIME: pa.array(times, pa.timestamp("us", "UTC")),
        REQUEST: pa.array(requests, pa.string()),
        ROW: pa.array(np.concatenate(numbers).astype(np.int32)),
        MODEL: pa.array([header.model] * total, pa.string()),
        VERSION: pa.array([header.version] * total, pa.string()),
        SHARE: pa.array(np.full(total, header.share)),
    }
    if any(ids):
        columns[ID] = pa.array(ids, pa.string())
    known = {column.name: column for column in header.stored}
    for name, values in unpack_rows(header, records).items():
        columns[name] = _make_feature(known[name], values)
    predictions = np.concatenate(unpack_predictions(header, records))
    return pa.table(columns | _make_predictions(header, predictions))


def _make_feature(column: CollectedColumn, values: NDArray[Any]) -> "pa.Array":
    import pyarrow as pa

    if column.treatment == "hashed":
        return pa.array(values, pa.string())
    if column.kind == "number":
        return pa.array(values, pa.float64(), from_pandas=True)  # NaN is a missing value
    if column.kind == "date":
        return pa.array(values.astype("datetime64[D]"), pa.date32())
    return pa.array(values, pa.bool_() if column.kind == "boolean" else pa.string())


def _make_predictions(header: Header, predictions: NDArray[Any]) -> "dict[str, pa.Array]":
    import pyarrow as pa

    if header.is_text:
        return {RESPONSE: pa.array(predictions, pa.string())}
    if predictions.ndim == 1:
        return {PREDICTION: pa.array(predictions)}
    classes = header.answer.classes
    names = classes if len(classes) == predictions.shape[1] else range(predictions.shape[1])
    return {f"{PREDICTION}_{name}": pa.array(predictions[:, place]) for place, name in enumerate(names)}
