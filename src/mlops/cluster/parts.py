"""The files of a data folder. Each of them is read by a worker."""

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from mlops.data.batches import Batches, Columns, open_batches, read_schema
from mlops.data.content import Content
from mlops.data.delimited import NO_TEXTS
from mlops.data.listing import Files, FileSystem, explain_unreadable, fetch_file, find_files, is_local
from mlops.data.tables import explain_damage
from mlops.errors import IntegrityError
from mlops.files.hashes import hash_file


@dataclass(frozen=True)
class Part:
    """A file of a data folder, or a data file that contains the whole table.

    Parameters
    ----------
    url : str
        The path or URL of the data folder or file, as the user typed it.
    name : str
        The name of the file in the folder.
    location : str
        The absolute path or the URL at which a worker finds the file.
    format : str
        The ending of the file's name: one of `mlops.data.listing.FORMATS`.
    signature : str
        Properties of the file that change with its content, such as its size. Empty before the file is inspected.
    sha256 : str
        The hash of the file. Empty if the file was not hashed.
    in_folder : bool
        Whether `url` is a folder.
    """

    url: str
    name: str
    location: str
    format: str
    signature: str = ""
    sha256: str = ""
    in_folder: bool = False


@dataclass(frozen=True)
class Inspection:
    """The facts about a file of a data folder that are known before its rows are read.

    Parameters
    ----------
    part : Part
        The file, with its signature, and with its hash if it was requested.
    schema : Schema
        The columns of the file. Empty for a hidden file or a text file.
    rows : int
        The number of rows in the file. 0 for a hidden file or a text file.
    """

    part: Part
    schema: pa.Schema
    rows: int


def find_parts(url: str) -> tuple[Files, dict[str, Part]]:
    """List a data file or folder. Return its `Files`, and a mapping from the name of each file to its `Part`.

    Raises
    ------
    UsageError
        If the file or folder does not exist, or the folder contains a subfolder or a file that is not a Parquet file.
    """
    found = find_files(url)
    with explain_unreadable(url):
        if not all(map(found.system.exists, found.paths.values())):
            raise FileNotFoundError(url)
    return found, {
        name: Part(url, name, _locate(url, name, found), found.format, in_folder=found.is_folder)
        for name in found.paths
    }


def inspect_part(part: Part, has_rows: bool, is_hashed: bool) -> Inspection:
    """Return what is known about a file of a data folder before its rows are read: its columns, row count and hash.

    Parameters
    ----------
    part : Part
        The file.
    has_rows : bool
        Whether the file is a Parquet file with rows of the table. False for a hidden file or a text file.
    is_hashed : bool
        Whether to compute the hash of the file.
    """
    with _fetch_signed(part, is_hashed=is_hashed) as (path, signed):
        return Inspection(signed, *(_read_schema(part, path) if has_rows else (pa.schema([]), 0)))


@contextmanager
def fetch_part(part: Part) -> Iterator[Content]:
    """Provide one file of a data folder as a local file, within a ``with`` statement."""
    with _fetch_signed(part) as (path, _):
        yield Content(part.url, part.format, (path,), (), "", part.in_folder)


@contextmanager
def open_part(
    part: Part, columns: Columns | None = None, texts: Mapping[str, Collection[str]] = NO_TEXTS
) -> Iterator[Batches]:
    """Open one file of a data folder for reading in batches, within a ``with`` statement.

    See `mlops.data.batches.open_batches`.

    Raises
    ------
    IntegrityError
        If the file has changed since it was inspected, or changes before the ``with`` statement ends.
    OSError, ImportError
        If this machine cannot read the file.
    UsageError
        If the content of the file does not match the ending of its name.
    """
    with fetch_part(part) as content, open_batches(content, columns, texts) as batches:
        yield batches


@contextmanager
def _fetch_signed(part: Part, *, is_hashed: bool = False) -> Iterator[tuple[Path, Part]]:
    import fsspec

    system, place = fsspec.core.url_to_fs(part.location)
    before = _sign(system, place)
    with tempfile.TemporaryDirectory(prefix="mlops-part-") as scratch:
        path = fetch_file(system, place, Path(scratch) / part.name)
        path.open("rb").close()  # without permission, this raises a different error than for a damaged file
        _require_same(part, path, part.signature or before, before)
        signed = replace(part, signature=before, sha256=hash_file(path) if is_hashed else part.sha256)
        try:
            yield path, signed
        except Exception as error:  # a file that changes while it is read can cause any error
            _require_same(signed, path, before, _sign(system, place), error)
            raise
        _require_same(signed, path, before, _sign(system, place))


def _sign(system: FileSystem, place: str) -> str:
    if is_local(system):
        found = Path(place).stat()  # no inode number, because it can differ between machines
        return f"{found.st_size} {found.st_mtime_ns}"
    system.invalidate_cache()
    return system.ukey(place)


def _require_same(part: Part, path: Path, before: str, now: str, cause: Exception | None = None) -> None:
    # `mlops` sets the modification time of a file in MLOPS_HOME when it uses the file, so a new time alone is not a
    # change.
    if now != before and (not part.sha256 or hash_file(path) != part.sha256):
        raise IntegrityError(f"The data file {part.url} changed while it was read. Test it again.") from cause


def _read_schema(part: Part, path: Path) -> tuple[pa.Schema, int]:
    try:
        return read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise explain_damage([path], part.url, error, in_folder=part.in_folder) from error


def _locate(url: str, name: str, found: Files) -> str:
    if is_local(found.system):
        return str(Path(found.paths[name]).absolute())
    return f"{url.rstrip('/')}/{name}" if found.is_folder else url
