"""Files that are whole or missing, and folders that are certainly new.

The client that starts every command loads this module. `tempfile` is imported where it is used, because it takes
milliseconds.
"""

import itertools
import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file atomically: a reader, or a crash, sees either the old content or the new.

    Parameters
    ----------
    path : Path
        The file. A missing folder is created.
    content : str or bytes
        The whole new content; text is written as UTF-8.
    mode : int
        Permission bits of the file, set before the file gets its name.
    """
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except BaseException as error:
        Path(scratch).unlink(missing_ok=True)
        if isinstance(error, OSError):  # the error may name no file, as on a full disk, or only the temporary one
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    sync_folder(path.parent)


def make_new_folder(parent: Path, name: str) -> Path:
    """Create a new folder: `name` in `parent`, or ``name-2`` and so on if that name is taken.

    Returns
    -------
    Path
        The folder. Processes that ask at the same time get different ones.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
