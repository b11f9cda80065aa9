"""The content of a data file, or of a folder of Parquet files, as files on this machine with their hash.

No content is ever in memory as a whole: files are hashed in chunks, and remote ones are copied to a scratch folder.
"""

import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from mlops.data.location import describe_obstacle, name_folder
from mlops.errors import IntegrityError, UsageError, quote_cause
from mlops.files.hashes import hash_file, hash_listing
from mlops.files.urls import find_path

CSV, ZIPPED_CSV, PARQUET = ".csv", ".csv.gz", ".parquet"
FORMATS = (CSV, ZIPPED_CSV, PARQUET)
HIDDEN = (".", "_")  # the beginnings of the names of files that Spark and others write beside the data
LOCAL = "file"

Signature = tuple[int, int, int]


class FileSystem(Protocol):
    """The methods of fsspec's file systems that this module uses."""

    protocol: str | tuple[str, ...]

    def isdir(self, path: str) -> bool:
        """Return whether a path is a folder."""

    def find(self, path: str) -> list[str]:
        """Return all files below a folder."""

    def get_file(self, path: str, copy: str) -> None:
        """Copy a file to this machine."""


@dataclass(frozen=True)
class Content:
    """A data file, or a folder of Parquet files, on this machine.

    Parameters
    ----------
    url : str
        Its location.
    format : str
        One of `FORMATS`.
    parts : tuple of Path
        The file, or each Parquet file of the folder, in the order of their names.
    signatures : tuple of Signature
        The properties of each part that change with its content, from before it was hashed.
    sha256 : str
        The hash of the file, or of the folder's files with their names.
    """

    url: str
    format: str
    parts: tuple[Path, ...]
    signatures: tuple[Signature, ...]
    sha256: str

    def pack(self) -> bytes:
        """Return the content as one file of the same format.

        Raises
        ------
        UsageError
            If the Parquet files of a folder do not fit together.
        """
        if len(self.parts) == 1:
            return self.parts[0].read_bytes()
        import pyarrow as pa  # takes 120 ms, and every command that opens a platform imports this module
        import pyarrow.parquet as pq

        try:
            tables = [pq.read_table(part, partitioning=None) for part in self.parts]
            packed = io.BytesIO()
            pq.write_table(pa.concat_tables(tables, promote_options="permissive"), packed)
        except (pa.ArrowException, OSError) as error:
            raise UsageError(f"The Parquet files of the folder do not fit together: {quote_cause(error)}.") from error
        return packed.getvalue()


def split_name(name: str) -> tuple[str, str]:
    """Split the name of a data file into its stem and its ending, which is one of `FORMATS` or empty."""
    ending = next((ending for ending in FORMATS if name.endswith(ending)), "")
    return name.removesuffix(ending), ending


@contextmanager
def open_content(url: str, sha256: str = "") -> Iterator[Content]:
    """Provide a data file, or a folder of Parquet files, for the time of a ``with`` statement.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec knows. The ending of a file determines its format.
    sha256 : str
        The expected hash; empty to accept any.

    Raises
    ------
    IntegrityError
        If its hash differs, or a file changes before the end of the statement.
    UsageError
        If it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-data-") as scratch:
        content = _find(url, Path(scratch))
        if sha256 not in ("", content.sha256):
            raise IntegrityError(
                f"The data file {url} has changed since it was tested (SHA-256 {content.sha256[:12]}…). Test it again."
            )
        try:
            yield content
        except Exception as error:  # a change can break any reader, in any way
            _require_unchanged(content, error)
            raise
        _require_unchanged(content)


def pack_file(file: Path, sha256: str = "") -> tuple[str, bytes]:
    """Return a data file's name and content. A folder of Parquet files becomes one file with all its rows.

    Raises
    ------
    IntegrityError
        If it does not have the hash `sha256`. An empty `sha256` allows any.
    UsageError
        If it cannot be read.
    """
    with open_content(str(file), sha256) as content:
        return split_name(file.name)[0] + content.format, content.pack()


def _require_unchanged(content: Content, cause: Exception | None = None) -> None:
    """Raise IntegrityError from `cause` if a file changed after it was signed."""
    try:
        found = _sign_files(content.parts)
    except OSError as error:
        raise IntegrityError(f"The data file {content.url} was deleted while it was read. Restore it.") from error
    if found != content.signatures:
        raise IntegrityError(f"The data file {content.url} changed while it was read. Test it again.") from cause


def _sign_files(files: Sequence[Path]) -> tuple[Signature, ...]:
    """Return the properties of files that change with their content.

    A file is hashed first and read again later. In between, these properties must stay the same.
    """
    found = [file.stat() for file in files]
    return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in found)


def _find(url: str, scratch: Path) -> Content:
    import fsspec

    if obstacle := describe_obstacle(find_path(url)):
        raise UsageError(f"The data file {url} {obstacle}.")
    try:
        system, path = fsspec.core.url_to_fs(url)
        if _is_folder(system, path, url):
            return _find_folder(system, path, url, scratch)
        ending = split_name(url)[1]
        if not ending:
            raise UsageError(f"The data file {url} must have a name that ends in {', '.join(FORMATS)}.")
        file = _fetch(system, path, scratch / f"data{ending}")
        signatures = _sign_files([file])  # before it is hashed
        return Content(url, ending, (file,), signatures, hash_file(file))
    except FileNotFoundError as error:
        raise UsageError(f"There is no data file {url}{name_folder(url)}. Check the path.") from error
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"The data file {url} cannot be read ({quote_cause(error)}). Check the path.") from error


def _fetch(system: FileSystem, path: str, copy: Path) -> Path:
    """Return a local file itself, or a copy of a remote one."""
    if LOCAL in ([system.protocol] if isinstance(system.protocol, str) else system.protocol):
        return Path(path)
    copy.parent.mkdir(parents=True, exist_ok=True)
    system.get_file(path, str(copy))
    return copy


def _is_folder(system: FileSystem, path: str, url: str) -> bool:
    """Return whether a URL is a folder. A remote server is asked only if the URL does not end like a data file."""
    return find_path(url).is_dir() or (not split_name(url)[1] and system.isdir(path))


def _find_folder(system: FileSystem, path: str, url: str, scratch: Path) -> Content:
    paths = {PurePosixPath(name).relative_to(path).as_posix(): name for name in sorted(system.find(path))}
    parts = [name for name in paths if _is_part(name, url)]
    if not parts:
        raise UsageError(f"The data file {url} is a folder without Parquet files.")
    for name in paths:
        if obstacle := describe_obstacle(find_path(url) / name):
            raise UsageError(f"The data file {url} is a folder, and {name} in it {obstacle}.")
    files = {name: _fetch(system, place, scratch / name) for name, place in paths.items()}
    read = tuple(files[name] for name in parts)
    signatures = _sign_files(read)  # before they are hashed
    hashes = {name: hash_file(file) for name, file in files.items()}
    return Content(url, PARQUET, read, signatures, hash_listing(hashes))


def _is_part(name: str, url: str) -> bool:
    """Return whether a file in a folder is part of the data. Raise an error for one whose rows would be ignored."""
    *folders, file = PurePosixPath(name).parts
    if any(part.startswith(HIDDEN) for part in (*folders, file)):
        return False
    if folders:
        raise UsageError(
            f"The data file {url} is a folder that contains the folder {folders[0]}. "
            "Put all Parquet files directly in the data folder."
        )
    if not file.endswith(PARQUET):
        raise UsageError(f"The data file {url} is a folder that contains {file}. It must contain only Parquet files.")
    return True
