"""The content of a data file, or of a folder of Parquet files, as bytes with a hash."""

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from mlops.data.location import describe_obstacle, name_folder
from mlops.errors import IntegrityError, UsageError, quote_cause
from mlops.files.hashes import hash_content, hash_listing
from mlops.files.urls import find_path

CSV, ZIPPED_CSV, PARQUET = ".csv", ".csv.gz", ".parquet"
FORMATS = (CSV, ZIPPED_CSV, PARQUET)
HIDDEN = (".", "_")  # the beginnings of the names of files that Spark and others write beside the data


class FileSystem(Protocol):
    """The methods of fsspec's file systems that this module uses."""

    def isdir(self, path: str) -> bool:
        """Return whether a path is a folder."""

    def find(self, path: str) -> list[str]:
        """Return all files below a folder."""

    def cat_file(self, path: str) -> bytes:
        """Return the content of a file."""


@dataclass(frozen=True)
class Content:
    """A data file, or a folder of Parquet files, as bytes.

    Parameters
    ----------
    format : str
        One of `FORMATS`.
    parts : tuple of bytes
        The content of the file, or of each Parquet file of the folder, in the order of their names.
    sha256 : str
        The hash of the file, or of the folder's files with their names.
    """

    format: str
    parts: tuple[bytes, ...]
    sha256: str

    def pack(self) -> bytes:
        """Return the content as one file of the same format.

        Raises
        ------
        UsageError
            If the Parquet files of a folder do not fit together.
        """
        if len(self.parts) == 1:
            return self.parts[0]
        import pyarrow as pa  # takes 120 ms, and every command that opens a platform imports this module
        import pyarrow.parquet as pq

        try:
            tables = [pq.read_table(io.BytesIO(part)) for part in self.parts]
            packed = io.BytesIO()
            pq.write_table(pa.concat_tables(tables, promote_options="permissive"), packed)
        except (pa.ArrowException, OSError) as error:
            raise UsageError(f"The Parquet files of the folder do not fit together: {quote_cause(error)}.") from error
        return packed.getvalue()


def split_name(name: str) -> tuple[str, str]:
    """Split the name of a data file into its stem and its ending, which is one of `FORMATS` or empty."""
    ending = next((ending for ending in FORMATS if name.endswith(ending)), "")
    return name.removesuffix(ending), ending


def read_content(url: str, sha256: str = "") -> Content:
    """Read a data file, or a folder of Parquet files.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec knows. The ending of a file determines its format.
    sha256 : str
        The expected hash; empty to accept any.

    Raises
    ------
    IntegrityError
        If its hash differs.
    UsageError
        If it cannot be read.
    """
    content = _read(url)
    if sha256 not in ("", content.sha256):
        raise IntegrityError(
            f"The data file {url} has changed since it was tested (SHA-256 {content.sha256[:12]}…). Test it again."
        )
    return content


def pack_file(file: Path, sha256: str = "") -> tuple[str, bytes]:
    """Return a data file's name and content. A folder of Parquet files becomes one file with all its rows.

    Raises
    ------
    IntegrityError
        If it does not have the hash `sha256`. An empty `sha256` allows any.
    UsageError
        If it cannot be read.
    """
    content = read_content(str(file), sha256)
    return split_name(file.name)[0] + content.format, content.pack()


def _read(url: str) -> Content:
    import fsspec

    if obstacle := describe_obstacle(find_path(url)):
        raise UsageError(f"The data file {url} {obstacle}.")
    try:
        system, path = fsspec.core.url_to_fs(url)
        if _is_folder(system, path, url):
            return _read_folder(system, path, url)
        ending = split_name(url)[1]
        if not ending:
            raise UsageError(f"The data file {url} must have a name that ends in {', '.join(FORMATS)}.")
        content = system.cat_file(path)
    except FileNotFoundError as error:
        raise UsageError(f"There is no data file {url}{name_folder(url)}. Check the path.") from error
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"The data file {url} cannot be read ({quote_cause(error)}). Check the path.") from error
    return Content(ending, (content,), hash_content(content))


def _is_folder(system: FileSystem, path: str, url: str) -> bool:
    """Return whether a URL is a folder. A remote server is asked only if the URL does not end like a data file."""
    return find_path(url).is_dir() or (not split_name(url)[1] and system.isdir(path))


def _read_folder(system: FileSystem, path: str, url: str) -> Content:
    paths = {PurePosixPath(name).relative_to(path).as_posix(): name for name in sorted(system.find(path))}
    parts = [name for name in paths if _is_part(name, url)]
    if not parts:
        raise UsageError(f"The data file {url} is a folder without Parquet files.")
    for name in paths:
        if obstacle := describe_obstacle(find_path(url) / name):
            raise UsageError(f"The data file {url} is a folder, and {name} in it {obstacle}.")
    contents = {name: system.cat_file(place) for name, place in paths.items()}
    hashes = {name: hash_content(content) for name, content in contents.items()}
    return Content(PARQUET, tuple(contents[name] for name in parts), hash_listing(hashes))


def _is_part(name: str, url: str) -> bool:
    """Return whether a file in a folder is part of the data. Raise an error for one whose rows would be ignored."""
    *folders, file = PurePosixPath(name).parts
    if any(part.startswith(HIDDEN) for part in (*folders, file)):
        return False
    if folders:
        raise UsageError(f"The data file {url} is a folder that contains the folder {folders[0]}. Use one folder only.")
    if not file.endswith(PARQUET):
        raise UsageError(f"The data file {url} is a folder that contains {file}. It must contain only Parquet files.")
    return True
