"""A folder's content in memory: the bytes of each file, by its relative path."""

import shutil
from collections.abc import Mapping
from pathlib import Path

Contents = Mapping[str, bytes]


def read_folder(folder: Path) -> Contents:
    """Return the bytes of every file below `folder`, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_folder(contents: Contents, folder: Path) -> Path:
    """Replace everything in `folder` with the files in `contents`, and return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
