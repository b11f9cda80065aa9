"""The atomic deletion of files and folders."""

import os
import shutil
import tempfile
from pathlib import Path

REMOVED = ".removed-"  # prefix of the names of folders that are being deleted


def remove_whole(path: Path) -> None:
    """Delete a file or folder atomically, so that readers find all of it or nothing.

    After a crash, the remains are in a folder beside the path. `finish_removals` deletes them.
    """
    scratch = tempfile.mkdtemp(dir=path.parent, prefix=REMOVED)
    try:
        os.rename(path, Path(scratch, path.name))
    finally:
        shutil.rmtree(scratch)


def finish_removals(folder: Path) -> None:
    """Delete the remains in a folder that interrupted calls of `remove_whole` left behind."""
    for scratch in folder.glob(f"{REMOVED}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def measure_size(path: Path) -> int:
    """Return the total size of the files at or below a path, in bytes."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return sum(found.lstat().st_size for found in paths if found.is_file())
