"""Reading of data files in batches of rows, so that memory holds only one batch at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.data.content import Content, choose_batch_rows
from mlops.data.delimited import NO_TEXTS
from mlops.data.kinds.parsing import make_series
from mlops.data.listing import PARQUET
from mlops.data.profile import find_repeated, is_number
from mlops.data.tables import convert_decimals, explain_damage, parse_content, require_text

INDEX = "index_columns"  # the field in the metadata of a Parquet file in which pandas lists index columns


class Layout(Protocol):
    """The layout of a table: its columns, and its number of rows.

    Parameters
    ----------
    names : sequence of str
        The names of the columns, in order. A name may occur more than once.
    numbers : frozenset of str
        The names of the numeric columns, except names that occur more than once.
    rows : int
        The number of rows.
    """

    @property
    def names(self) -> Sequence[str]: ...
    @property
    def numbers(self) -> frozenset[str]: ...
    @property
    def rows(self) -> int: ...

    def name_kind(self, name: str) -> str:
        """Return the pandas name of a column's type, such as "float64"."""


class Batches(Layout, Protocol):
    """A table whose columns can be read in batches."""

    def read_numbers(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the named columns in batches of rows. All of them must be columns of numbers."""

    def read_values(self, name: str) -> Iterator[pl.Series]:
        """Yield the values of a column, whatever its type, in batches of rows."""

    def read_head(self, rows: int) -> pd.DataFrame:
        """Return the first rows, at most `rows`. If the table has several files, all these rows are from one file."""


class FrameBatches:
    """A table that is in memory; see `Batches`."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.names = [str(name) for name in frame.columns]
        self._frame = _convert_unsupported(frame.set_axis(self.names, axis="columns"))
        self.rows = len(frame)
        numeric = {name for name, kind in zip(self.names, frame.dtypes, strict=True) if is_number(kind)}
        self.numbers = frozenset(numeric - find_repeated(self.names))

    def name_kind(self, name: str) -> str:
        """See `Batches`."""
        return str(self._frame.dtypes[name])

    def read_numbers(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """See `Batches`."""
        return map(pl.from_pandas, self._cut(names))

    def read_values(self, name: str) -> Iterator[pl.Series]:
        """See `Batches`."""
        return (make_series(part[name]) for part in self._cut([name]))

    def read_head(self, rows: int) -> pd.DataFrame:
        """See `Batches`."""
        return self._frame.head(rows)

    def _cut(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        size = choose_batch_rows(len(names))
        for start in range(0, self.rows, size):
            yield self._frame.iloc[start : start + size][list(names)]


@dataclass(frozen=True)
class Columns:
    """The columns of a table in one or more Parquet files.

    Parameters
    ----------
    names : tuple of str
        The names of the columns. A name that occurs more than once in a file is repeated at the end of the tuple.
    numbers : frozenset of str
        The names of the numeric columns, except names that occur more than once.
    types : mapping of str to tuple of DataType
        For each column, the different types that it has in the files.
    """

    names: tuple[str, ...]
    numbers: frozenset[str]
    types: Mapping[str, tuple[pa.DataType, ...]]

    def name_kind(self, name: str) -> str:
        """Return the pandas name of a column's type, such as "float64"."""
        parts = [pa.schema([("x", kind)]).empty_table().to_pandas() for kind in self.types[name]]
        names = {str(part.dtypes["x"]) for part in parts}
        return names.pop() if len(names) == 1 else "object"


def combine_schemas(schemas: Sequence[pa.Schema]) -> Columns:
    """Combine the schemas of the files of a table, and return the columns of the table."""
    repeated = sorted(set().union(*(find_repeated(schema.names) for schema in schemas)))
    names = (*dict.fromkeys(name for schema in schemas for name in schema.names), *repeated)
    types: dict[str, list[pa.DataType]] = {name: [] for name in names}
    for field in (field for schema in schemas for field in schema):
        types[field.name].append(field.type)
    numeric = {name for name, found in types.items() if all(map(_is_numeric, found))}
    different = {name: tuple(dict.fromkeys(kinds)) for name, kinds in types.items()}
    return Columns(names, frozenset(numeric.difference(repeated)), different)


class ParquetBatches:
    """A table in one or more Parquet files; see `Batches`.

    Parameters
    ----------
    files : sequence of Path
        The files, in the order of the rows of the table.
    columns : Columns, optional
        The columns of the whole table. Needed if the files are only a part of the table.
    """

    def __init__(self, files: Sequence[Path], columns: Columns | None = None) -> None:
        self._files = files
        schemas, self._counts = zip(*map(read_schema, files), strict=True)
        self.columns = columns or combine_schemas(schemas)
        self.names, self.numbers = self.columns.names, self.columns.numbers
        self.rows = sum(self._counts)
        self._targets = {name: _choose_common_type(self.columns.types[name]) for name in self.numbers}

    def name_kind(self, name: str) -> str:
        """See `Batches`."""
        return self.columns.name_kind(name)

    def read_numbers(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """See `Batches`."""
        for batch in self._read(names):
            places = {name: place for place, name in enumerate(batch.schema.names)}
            arrays = [_cast(batch, places.get(name), self._targets[name]) for name in names]
            yield pl.DataFrame(pl.from_arrow(pa.table(arrays, names=list(names))))

    def read_values(self, name: str) -> Iterator[pl.Series]:
        """See `Batches`."""
        for batch in self._read([name]):
            there = name in batch.schema.names
            yield _make_series(batch.column(name)) if there else pl.Series(name, [None] * batch.num_rows)

    def read_head(self, rows: int) -> pd.DataFrame:
        """See `Batches`."""
        for path, count in zip(self._files, self._counts, strict=True):
            if count:
                with _open_file(path) as file:
                    return self._add_missing_columns(require_text(next(file.iter_batches(rows)).to_pandas()))
        return pd.DataFrame(columns=self.names)

    def _add_missing_columns(self, head: pd.DataFrame) -> pd.DataFrame:
        if not head.columns.is_unique:
            return head
        return convert_decimals(head.reindex(columns=list(dict.fromkeys(self.names))))

    def _read(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for path in self._files:
            with _open_file(path) as file:
                there = set(file.schema_arrow.names)
                columns_there = [name for name in names if name in there]
                yield from file.iter_batches(choose_batch_rows(len(names)), columns=columns_there)


def _make_series(values: pa.Array) -> pl.Series:
    values.validate(full=True)  # otherwise, polars would accept text that is not UTF-8
    try:
        return pl.Series(pl.from_arrow(values))
    except (pl.exceptions.PolarsError, pa.ArrowException, ValueError, TypeError):  # polars does not have this type
        return make_series(values.to_pandas())


@contextmanager
def open_batches(
    content: Content, columns: Columns | None = None, texts: Mapping[str, Collection[str]] = NO_TEXTS
) -> Iterator[Batches]:
    """Open a data file in a ``with`` statement, and yield its table, which can be read in batches.

    Parameters
    ----------
    content : Content
        The data file.
    columns : Columns, optional
        The columns of the whole table. Needed if the file is only a part of the table.
    texts : mapping of str to collection of str, optional
        The columns of a CSV file that are read as text; see `mlops.data.delimited.read_delimited`.

    Raises
    ------
    UsageError
        If the content of the file does not match the ending of its name.
    """
    if content.format != PARQUET:
        yield FrameBatches(parse_content(content, texts))
        return
    try:
        yield ParquetBatches(content.parts, columns)
    except (pa.ArrowException, OSError) as error:
        raise explain_damage(content.parts, content.url, error, in_folder=content.is_folder) from error


def _convert_unsupported(frame: pd.DataFrame) -> pd.DataFrame:
    unknown = [kind == np.longdouble or isinstance(kind, pd.SparseDtype) for kind in frame.dtypes]
    names = [name for name, kind in frame.dtypes[unknown].items() if is_number(kind)]
    return frame.astype(dict.fromkeys(names, "float64")) if names else frame


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _open_file(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, pre_buffer=False)


def read_schema(path: Path) -> tuple[pa.Schema, int]:
    """Return the schema of a Parquet file without pandas' index columns, and the number of rows."""
    with _open_file(path) as file:  # closed at once, because a folder can have more files than a process can open
        return _drop_index(file.schema_arrow), file.metadata.num_rows


def _drop_index(schema: pa.Schema) -> pa.Schema:
    index = [name for name in (schema.pandas_metadata or {}).get(INDEX, ()) if isinstance(name, str)]
    return pa.schema([field for field in schema if field.name not in index])


def _choose_common_type(kinds: Sequence[pa.DataType]) -> pa.DataType:
    if not all(map(pa.types.is_integer, kinds)):
        return pa.float64()
    return pa.from_numpy_dtype(np.result_type(*(kind.to_pandas_dtype() for kind in kinds)))


def _cast(batch: pa.RecordBatch, place: int | None, kind: pa.DataType) -> pa.Array:
    if place is None:
        return pa.nulls(batch.num_rows, kind)
    values = batch.column(place)
    # Arrow converts 30 % of decimals to a different float than Python. Converting them to text first avoids this.
    return (values.cast(pa.string()) if pa.types.is_decimal(values.type) else values).cast(kind, safe=False)
