"""The search for the files at the URL of a data file or folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from mlops.data.location import describe_obstacle, name_folder
from mlops.errors import UsageError, quote_cause
from mlops.files.hashes import hash_listing
from mlops.files.urls import find_path

CSV, ZIPPED_CSV, PARQUET = ".csv", ".csv.gz", ".parquet"
SEPARATORS = ",;\t|"  # the characters that can separate the fields of a CSV file
FORMATS = (CSV, ZIPPED_CSV, PARQUET)
HIDDEN = (".", "_")  # prefixes of the names of files that Spark and other programs write beside the data
LOCAL = "file"


class FileSystem(Protocol):
    """A file system of fsspec, with the methods that this module uses."""

    protocol: str | tuple[str, ...]

    def isdir(self, path: str) -> bool:
        """Return whether a path is a folder."""

    def find(self, path: str) -> list[str]:
        """Return all files below a folder."""

    def exists(self, path: str) -> bool:
        """Return whether a file or folder exists."""

    def get_file(self, path: str, copy: str) -> None:
        """Copy a file to the local path `copy`."""

    def ukey(self, path: str) -> str:
        """Return a hash that changes when the file changes. It covers properties such as the size, not the content."""

    def invalidate_cache(self) -> None:
        """Forget cached properties of files."""


@dataclass(frozen=True)
class Files:
    """The files of a data file or folder, in any file system.

    Parameters
    ----------
    system : FileSystem
        The fsspec file system that contains the files.
    format : str
        The ending of the names of data files: one of `FORMATS`.
    paths : mapping of str to str
        The path of each file in `system`, by file name.
    parts : tuple of str
        The names of the files that contain rows, sorted.
    is_folder : bool
        Whether the data is a folder; otherwise it is one file.
    """

    system: FileSystem
    format: str
    paths: Mapping[str, str]
    parts: tuple[str, ...]
    is_folder: bool

    def hash_content(self, hashes: Mapping[str, str]) -> str:
        """Return a single hash of all files. `hashes` contains the hash of each file, by file name."""
        return hash_listing(dict(hashes)) if self.is_folder else hashes[self.parts[0]]


def split_name(name: str) -> tuple[str, str]:
    """Split the name of a data file into the stem and the ending (one of `FORMATS`, or empty)."""
    ending = next((ending for ending in FORMATS if name.endswith(ending)), "")
    return name.removesuffix(ending), ending


def find_files(url: str) -> Files:
    """Return the path of a data file, or the paths of all files in a folder of Parquet files. No file is read.

    Raises
    ------
    UsageError
        If the file or folder does not exist, or the folder contains a subfolder or a file that is not a Parquet file.
    """
    import fsspec

    if obstacle := describe_obstacle(find_path(url)):
        raise UsageError(f"The data file {url} {obstacle}.")
    with explain_unreadable(url):
        system, path = fsspec.core.url_to_fs(url)
        if _is_folder_url(system, path, url):
            return _list_folder(system, path, url)
        ending = split_name(url)[1]
        if not ending:
            raise UsageError(f"The data file {url} must have a name that ends in {', '.join(FORMATS)}.")
        name = f"data{ending}"
        return Files(system, ending, {name: path}, (name,), is_folder=False)


def fetch_file(system: FileSystem, path: str, copy: Path) -> Path:
    """Return the local path of a file. A remote file is first copied to `copy`."""
    if is_local(system):
        return Path(path)
    copy.parent.mkdir(parents=True, exist_ok=True)
    system.get_file(path, str(copy))
    return copy


def is_local(system: FileSystem) -> bool:
    """Return whether the files of a file system are on this machine."""
    return LOCAL in ([system.protocol] if isinstance(system.protocol, str) else system.protocol)


@contextmanager
def explain_unreadable(url: str) -> Iterator[None]:
    """Replace any error in a ``with`` statement with an error that says why a data file cannot be found or copied.

    Raises
    ------
    UsageError
        If the code of the ``with`` statement raises an error.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"There is no data file {url}{name_folder(url)}. Check the path.") from error
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"The data file {url} cannot be read ({quote_cause(error)}). Check the path.") from error


def _is_folder_url(system: FileSystem, path: str, url: str) -> bool:
    return find_path(url).is_dir() or (not split_name(url)[1] and system.isdir(path))


def _list_folder(system: FileSystem, path: str, url: str) -> Files:
    paths = {PurePosixPath(name).relative_to(path).as_posix(): name for name in sorted(system.find(path))}
    parts = tuple(name for name in paths if _is_visible_parquet(name, url))
    if not parts:
        raise UsageError(f"The data file {url} is a folder without Parquet files.")
    for name in paths:
        if obstacle := describe_obstacle(find_path(url) / name):
            raise UsageError(f"The data file {url} is a folder, and {name} in it {obstacle}.")
    return Files(system, PARQUET, paths, parts, is_folder=True)


def _is_visible_parquet(name: str, url: str) -> bool:
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
