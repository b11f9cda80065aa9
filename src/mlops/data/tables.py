"""Data files as tables, with the hash of their content."""

import gzip
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
from pandas.api.types import infer_dtype

from mlops.data.content import Content, open_content
from mlops.data.delimited import NO_TEXTS, read_delimited
from mlops.data.kinds.conversion import convert_kinds, list_texts
from mlops.data.listing import PARQUET, ZIPPED_CSV
from mlops.errors import UsageError, quote_cause
from mlops.files.contents import store_by_content
from mlops.problem import Column


@dataclass(frozen=True)
class Table:
    """The rows of a data file, with its location and hash.

    Parameters
    ----------
    url : str
        The location of the data file: a path or a URL.
    sha256 : str
        The hash of the file's bytes. For a folder, the hash of its files and their names.
    frame : DataFrame
        The rows of the data file.
    """

    url: str
    sha256: str
    frame: pd.DataFrame


def write_sample(folder: Path, name: str, make: Callable[[], pd.DataFrame]) -> str:
    """Call `make`, write the resulting table to a CSV file in a subfolder of `folder`, and return the file's path."""
    return str(store_by_content(folder, name, make().to_csv(index=False).encode()))


def read_table(url: str, sha256: str = "", columns: Sequence[Column] = ()) -> Table:
    """Return the table in a CSV or Parquet file, or in a folder of Parquet files.

    Parameters
    ----------
    url : str
        The path or URL of a folder, or of a .csv, .csv.gz or .parquet file. fsspec must support the URL.
    sha256 : str
        The expected hash. Empty to accept any hash.
    columns : sequence of Column, optional
        The declared columns. Their values are converted to the types of their kinds.

    Raises
    ------
    IntegrityError
        If the hash differs from `sha256`.
    UsageError
        If the file does not exist, if its content does not match the ending of its name, if the file contains text
        that is not UTF-8, or if a value is not of the kind declared for its column.
    """
    with open_content(url, sha256) as content:
        frame = parse_content(content, list_texts(columns))
        return Table(url, content.sha256, convert_kinds(frame, columns, url) if columns else frame)


def parse_content(content: Content, texts: Mapping[str, Collection[str]] = NO_TEXTS) -> pd.DataFrame:
    """Return the rows of a data file. In a CSV file, the columns named in `texts` are read as text.

    Raises
    ------
    UsageError
        If the content does not match the ending of the file's name.
    """
    frames = [_parse_part(content, part, texts) for part in content.parts]
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _parse_part(content: Content, file: Path, texts: Mapping[str, Collection[str]]) -> pd.DataFrame:
    if content.format == PARQUET:
        return _parse_parquet(content, file, texts)
    text = file.read_bytes()
    if content.format == ZIPPED_CSV:
        try:
            text = gzip.decompress(text)
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(
                f"The data file {content.url} is not a complete gzip file: {quote_cause(error)}."
            ) from error
    return read_delimited(text, content.url, texts)


def parse_parquet(file: Path | IO[bytes]) -> pd.DataFrame:
    """Return the rows of a Parquet file."""
    frame = pd.read_parquet(file, pre_buffer=False, partitioning=None, to_pandas_kwargs={"self_destruct": True})
    pa.default_memory_pool().release_unused()  # otherwise Arrow would keep 240 MB for a table of 160 MB
    return frame


def _parse_parquet(content: Content, file: Path, texts: Collection[str]) -> pd.DataFrame:
    try:
        frame = convert_decimals(require_text(parse_parquet(file)))
        for name, values in _read_whole_numbers_as_text(file, texts).items():
            frame[name] = values
        return frame
    except (ValueError, OSError, pa.ArrowException) as error:
        raise explain_damage([file], content.url, error, in_folder=content.is_folder) from error


def _read_whole_numbers_as_text(file: Path, names: Collection[str]) -> dict[str, pd.Series]:
    import pyarrow.parquet as pq  # imported here, because reading a CSV file does not need it

    if not names:
        return {}
    with pq.ParquetFile(file) as opened:
        found = [field.name for field in opened.schema_arrow if field.name in names and pa.types.is_integer(field.type)]
        table = opened.read(found)
    return {name: table[name].cast(pa.string()).to_pandas() for name in found if table[name].null_count}


def explain_damage(files: Sequence[Path], url: str, error: Exception, *, in_folder: bool = False) -> UsageError:
    """Return an error that explains `error`, which was raised while Parquet files were read.

    `url` is the location of the file or, if `in_folder` is true, of the folder that contains the files.
    """
    damaged = next(filter(_is_damaged, files), None) if in_folder else None
    url = f"{url.rstrip('/')}/{damaged.name}" if damaged else url
    if column := next(filter(None, map(_find_column_with_bad_text, files)), ""):
        return UsageError(f"The column {column} of the data file {url} has text that is not UTF-8. Save it as UTF-8.")
    return UsageError(f"The data file {url} is not a complete Parquet file: {quote_cause(error)}. Write it again.")


def _is_damaged(file: Path) -> bool:
    import pyarrow.parquet as pq  # imported here, because it is needed only for damaged files

    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches():
                batch.validate(full=True)
    except (OSError, pa.ArrowException):
        return True
    return False


def _find_column_with_bad_text(file: Path) -> str:
    import pyarrow.parquet as pq  # imported here, because it is needed only for damaged files

    try:
        with pq.ParquetFile(file) as opened:
            names = [field.name for field in opened.schema_arrow if _is_text(field.type)]
            return next((name for name in names if _is_bad(opened.iter_batches(columns=[name]))), "")
    except (OSError, pa.ArrowException):
        return ""


def _is_text(kind: pa.DataType) -> bool:
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(text) or pa.types.is_large_string(text))


def _is_bad(batches: Iterable[pa.RecordBatch]) -> bool:
    try:
        for batch in batches:
            batch.validate(full=True)
    except pa.ArrowInvalid as error:
        return "UTF8" in str(error)  # Arrow has no specific class for this error
    return False


def require_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table, or raise an error if it contains text that is not UTF-8.

    Raises
    ------
    ArrowInvalid
        If the table contains text that is not UTF-8.
    """
    for place in (place for place, kind in enumerate(frame.dtypes) if isinstance(kind, pd.StringDtype)):
        pa.array(frame.iloc[:, place]).validate(full=True)
    return frame


def convert_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which all columns of type decimal are converted to floats."""
    objects = [name for name, kind in frame.dtypes.items() if kind == "object"]
    decimals = [name for name in objects if infer_dtype(frame[name]) == "decimal"]
    return frame.astype(dict.fromkeys(decimals, "float64")) if decimals else frame
