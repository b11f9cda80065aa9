"""One file of a data folder, as a worker reads it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from mlops.data.batches import Batches, Columns, open_batches, read_schema
from mlops.data.content import Content
from mlops.data.listing import Files, FileSystem, explain_unreadable, fetch_file, find_files, is_local
from mlops.data.tables import explain_damage
from mlops.errors import IntegrityError
from mlops.files.hashes import hash_file


@dataclass(frozen=True)
class Part:
    """A file of a data folder, or the only file of a table.

    Parameters
    ----------
    url : str
        The folder, as its user named it.
    name : str
        The file in the folder.
    location : str
        The file, as a worker finds it: an absolute path or a URL.
    format : str
        One of `mlops.data.listing.FORMATS`.
    signature : str
        The properties of the file that change with its content; empty if it has not been inspected.
    """

    url: str
    name: str
    location: str
    format: str
    signature: str = ""


@dataclass(frozen=True)
class Inspection:
    """The findings about a part before its rows are read.

    Parameters
    ----------
    part : Part
        The part with its signature.
    sha256 : str
        Its hash; empty if nobody asked for it.
    schema : Schema
        Its columns; none if the part is a hidden file or text.
    rows : int
        The number of its rows.
    """

    part: Part
    sha256: str
    schema: pa.Schema
    rows: int


def find_parts(url: str) -> tuple[Files, dict[str, Part]]:
    """Find the parts of a data file or folder, without reading them. Hidden files of a folder are among them.

    Raises
    ------
    UsageError
        If there is no such file or folder, or a file in the folder would be ignored.
    """
    found = find_files(url)
    with explain_unreadable(url):
        if not all(map(found.system.exists, found.paths.values())):
            raise FileNotFoundError(url)
    return found, {name: Part(url, name, _locate(url, name, found), found.format) for name in found.paths}


def inspect_part(part: Part, has_rows: bool, is_hashed: bool) -> Inspection:
    """Read the columns and the number of rows of a part, and hash it; runs on a worker.

    Parameters
    ----------
    part : Part
        The part.
    has_rows : bool
        Whether it is a Parquet file with rows of the table. Hidden files and text are not.
    is_hashed : bool
        Whether its hash is needed.
    """
    with _fetch(part) as (path, signature):
        schema, rows = _read_schema(part, path) if has_rows else (pa.schema([]), 0)
        return Inspection(replace(part, signature=signature), hash_file(path) if is_hashed else "", schema, rows)


@contextmanager
def fetch_part(part: Part) -> Iterator[Content]:
    """Provide a part as a file on this machine, for the time of a ``with`` statement; errors as for `open_part`."""
    with _fetch(part) as (path, _):
        yield Content(part.url, part.format, (path,), (), "")


@contextmanager
def open_part(part: Part, columns: Columns | None = None) -> Iterator[Batches]:
    """Provide the rows of a part with the columns of its table, for the time of a ``with`` statement.

    Raises
    ------
    IntegrityError
        If the file has changed since it was inspected, or changes meanwhile.
    OSError, ImportError
        If the file cannot be read here.
    UsageError
        If it does not have the format of its ending.
    """
    with fetch_part(part) as content, open_batches(content, columns) as batches:
        yield batches


@contextmanager
def _fetch(part: Part) -> Iterator[tuple[Path, str]]:
    """Provide a part as a file on this machine, with its signature."""
    import fsspec

    system, place = fsspec.core.url_to_fs(part.location)
    before = _sign(system, place)
    _require_same(part, part.signature or before, before)
    with tempfile.TemporaryDirectory(prefix="mlops-part-") as scratch:
        path = fetch_file(system, place, Path(scratch) / "part")
        path.open("rb").close()  # a file that this user must not read is not a damaged one
        try:
            yield path, before
        except Exception as error:  # a change can break any reader, in any way
            _require_same(part, before, _sign(system, place), error)
            raise
        _require_same(part, before, _sign(system, place))


def _sign(system: FileSystem, place: str) -> str:
    if is_local(system):
        found = Path(place).stat()  # without the number of the file, which another machine can see otherwise
        return f"{found.st_size} {found.st_mtime_ns}"
    system.invalidate_cache()
    return system.ukey(place)


def _require_same(part: Part, before: str, now: str, cause: Exception | None = None) -> None:
    if now != before:
        raise IntegrityError(f"The data file {part.url} changed while it was read. Test it again.") from cause


def _read_schema(part: Part, path: Path) -> tuple[pa.Schema, int]:
    try:
        return read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise explain_damage([path], part.url, error) from error


def _locate(url: str, name: str, found: Files) -> str:
    if is_local(found.system):
        return str(Path(found.paths[name]).absolute())
    return f"{url.rstrip('/')}/{name}" if found.is_folder else url
