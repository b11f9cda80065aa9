"""Deleting files and folders so that nobody finds half of one."""

import os
import shutil
import tempfile
from pathlib import Path

REMOVED = ".removed-"  # how the name of a folder begins in which something is being deleted


def remove_whole(path: Path) -> None:
    """Delete a file or folder so that a reader, or a crash, finds it whole or not at all.

    What a crash leaves lies in a folder beside it, which `finish_removals` deletes.
    """
    scratch = tempfile.mkdtemp(dir=path.parent, prefix=REMOVED)
    try:
        os.rename(path, Path(scratch, path.name))
    finally:
        shutil.rmtree(scratch)


def finish_removals(folder: Path) -> None:
    """Delete what a crash has left of removals in a folder."""
    for scratch in folder.glob(f"{REMOVED}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def measure_size(path: Path) -> int:
    """Return how many bytes the files hold that are at or below a path."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return sum(found.lstat().st_size for found in paths if found.is_file())
