"""Data files and folders of Parquet files as local files, with a hash of their content."""

import csv
import gzip
import re
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops.data.listing import PARQUET, SEPARATORS, ZIPPED_CSV, explain_unreadable, fetch_file, find_files, split_name
from mlops.errors import IntegrityError, UsageError, quote_cause
from mlops.files.disk import explain_full_disk
from mlops.files.hashes import hash_file

LONGEST_HEADER = 10_000_000  # maximum length of the first line, in bytes
VALUES = 2_000_000  # maximum number of values in a batch (16 MB)

Signature = tuple[int, int, int]


@dataclass(frozen=True)
class Content:
    """A data file or a folder of Parquet files on this machine.

    Parameters
    ----------
    url : str
        The path or URL that the caller asked for.
    format : str
        The ending of the names of the files: one of `mlops.data.listing.FORMATS`.
    parts : tuple of Path
        The path of the file or, for a folder, of each Parquet file in it, sorted by name.
    signatures : tuple of Signature
        Properties of each part that change with the part's content, such as its size.
    sha256 : str
        The hash of the file or, for a folder, of the names and contents of all its files.
    is_folder : bool
        Whether `url` is a folder.
    """

    url: str
    format: str
    parts: tuple[Path, ...]
    signatures: tuple[Signature, ...]
    sha256: str
    is_folder: bool = False


@contextmanager
def open_content(url: str, sha256: str = "") -> Iterator[Content]:
    """Provide a data file or a folder of Parquet files as local files, within a ``with`` statement.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec supports. The ending of a file's name determines its format.
    sha256 : str
        The expected hash. Empty to accept any hash.

    Raises
    ------
    IntegrityError
        If the hash differs from `sha256`, or a file changes before the ``with`` statement ends.
    UsageError
        If the data cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-data-") as scratch:
        content = _find(url, Path(scratch))
        if sha256 not in ("", content.sha256):
            raise IntegrityError(
                f"The data file {url} has changed since it was tested (SHA-256 {content.sha256[:12]}…). Test it again."
            )
        try:
            yield content
        except Exception as error:  # a file that changes while it is read can cause any error
            _require_unchanged(content, error)
            raise
        _require_unchanged(content)


@contextmanager
def pack_file(file: Path, sha256: str = "") -> Iterator[tuple[str, Path]]:
    """Yield one file that contains all rows of a data file or folder: the name to store it under, and its local path.

    Raises
    ------
    IntegrityError
        If `sha256` is not empty and differs from the hash of the content.
    UsageError
        If the data cannot be read, or if the Parquet files of a folder cannot form one table.
    """
    with open_content(str(file), sha256) as content, tempfile.TemporaryDirectory(prefix="mlops-data-") as scratch:
        packed = content.parts[0]
        if len(content.parts) > 1:
            packed = Path(scratch, f"packed{content.format}")
            _join_parquet_files(content, packed)
        yield split_name(file.name)[0] + content.format, packed


def read_header(file: Path, ending: str = "") -> tuple[str, ...]:
    """Return the names of the columns of a local data file; empty if they cannot be read.

    `ending`, such as ".parquet", determines the format. If it is empty, the ending of the file's name is used.
    """
    ending = ending or split_name(file.name)[1]
    try:
        if ending == PARQUET:
            import pyarrow.parquet as pq  # this import takes 120 ms

            return tuple(pq.read_schema(file).names)
        with gzip.open(file, "rb") if ending == ZIPPED_CSV else file.open("rb") as source:
            line = source.readline(LONGEST_HEADER).decode("utf-8-sig")
    except (OSError, EOFError, ValueError, zlib.error):  # Arrow's errors are subclasses of ValueError
        return ()
    if not line.strip() or "\0" in line or line.count('"') % 2:  # empty, UTF-16, or a line break in a name
        return ()
    separator = max(SEPARATORS, key=re.sub('"[^"]*"', "", line).count)
    return tuple(next(csv.reader([line], delimiter=separator), ()))


def choose_batch_rows(columns: int) -> int:
    """Return the number of rows to read at a time. The more columns a table has, the fewer rows fit in memory."""
    return max(VALUES // max(columns, 1), 1000)


def _join_parquet_files(content: Content, joined: Path) -> None:
    import pyarrow as pa  # this import takes 120 ms, and every command that opens a platform imports this module
    import pyarrow.parquet as pq

    def fit(rows: pa.Table) -> pa.Table:
        return pa.concat_tables([schema.empty_table(), rows], promote_options="permissive")

    try:
        schema = pa.unify_schemas([pq.read_schema(file) for file in content.parts], promote_options="permissive")
        with explain_full_disk(joined.parent), pq.ParquetWriter(joined, schema) as writer:
            for file in content.parts:
                with pq.ParquetFile(file, pre_buffer=False) as source:
                    for batch in source.iter_batches(choose_batch_rows(len(schema))):
                        writer.write_table(fit(pa.Table.from_batches([batch])))
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"The Parquet files in {content.url} cannot be combined into one table: {quote_cause(error)}. Give "
            "each column the same type in all files."
        ) from error


def _require_unchanged(content: Content, cause: Exception | None = None) -> None:
    try:
        found = _list_file_properties(content.parts)
    except OSError as error:
        raise IntegrityError(f"The data file {content.url} was deleted while it was read. Restore it.") from error
    # `mlops` sets the modification time of a file in MLOPS_HOME when it uses the file, so a new time alone is not a
    # change.
    same = found == content.signatures or (len(found) == 1 and hash_file(content.parts[0]) == content.sha256)
    if not same:
        raise IntegrityError(f"The data file {content.url} changed while it was read. Test it again.") from cause


def _list_file_properties(files: Sequence[Path]) -> tuple[Signature, ...]:
    found = [file.stat() for file in files]
    return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in found)


def _find(url: str, scratch: Path) -> Content:
    found = find_files(url)
    with explain_unreadable(url):
        files = {name: fetch_file(found.system, place, scratch / name) for name, place in found.paths.items()}
        read = tuple(files[name] for name in found.parts)
        signatures = _list_file_properties(read)  # before hashing, to notice if a file changes meanwhile
        hashes = {name: hash_file(file) for name, file in files.items()}
    return Content(url, found.format, read, signatures, found.hash_content(hashes), found.is_folder)
