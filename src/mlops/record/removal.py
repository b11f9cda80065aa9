"""The atomic deletion of files and folders."""

import os
import shutil
import tempfile
from pathlib import Path

REMOVED = ".removed-"  # the prefix of the names of files and folders that are being deleted


def remove_whole(path: Path) -> None:
    """Delete a file or folder atomically: other processes see either all of it or nothing.

    After a crash, call `finish_removals` to delete the rest.
    """
    scratch = tempfile.mkdtemp(dir=path.parent, prefix=REMOVED)
    try:
        os.rename(path, Path(scratch, path.name))
    finally:
        shutil.rmtree(scratch)


def finish_removals(folder: Path) -> None:
    """Delete what `remove_whole` left behind in `folder` when it was interrupted."""
    for scratch in folder.glob(f"{REMOVED}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def measure_size(path: Path) -> int:
    """Return the total size in bytes of a file, or of all files in a folder."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return sum(found.lstat().st_size for found in paths if found.is_file())
