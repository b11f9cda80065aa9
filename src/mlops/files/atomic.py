"""Files that are written atomically, and folders whose names are not in use yet."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file atomically: readers find either the complete old or the complete new content, even after a crash.

    Parameters
    ----------
    path : Path
        The path of the file. If its folder is missing, the folder is created.
    content : str or bytes
        The complete new content. Text is written as UTF-8.
    mode : int
        The permission bits of the file, apart from those that the umask removes.
    """
    with open_replacement(path, mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def open_replacement(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """Open a new file for writing. The file replaces `path` when the ``with`` statement ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = str(path.with_name(f".{path.name}.{os.urandom(6).hex()}"))
    try:
        with open(scratch, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:  # applies the umask
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except BaseException as error:
        Path(scratch).unlink(missing_ok=True)
        # The error names only the temporary file or, if the disk is full, no file at all.
        if isinstance(error, OSError) and error.filename in (None, scratch):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    sync_folder(path.parent)


def make_new_folder(parent: Path, name: str) -> Path:
    """Create the folder `name` in the folder `parent`. If the name is in use, try ``name-2``, ``name-3`` and so on.

    Returns
    -------
    Path
        The path of the folder. Processes that call this function at the same time get different folders.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk, so that a rename in it survives a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
