"""Files in folders that are named after a hash of the content, so that the same content is stored only once."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from mlops.errors import IntegrityError
from mlops.files.atomic import open_replacement, write_atomically
from mlops.files.hashes import hash_content, hash_file


def locate_content(folder: Path, name: str, sha256: str) -> Path:
    """Return the path at which `store_by_content` stores a file that has this name and hash."""
    return folder / sha256[:12] / name


def store_by_content(folder: Path, name: str, content: bytes | Path) -> Path:
    """Store a file in `folder`, in a subfolder named after the file's hash, unless it is already stored there.

    Parameters
    ----------
    folder : Path
        The folder that contains these subfolders.
    name : str
        The file's name.
    content : bytes or Path
        The complete content, or the path of a file that has the content.

    Returns
    -------
    Path
        The path of the stored file. If the same content was already stored under another name, this is the path of that
        file.
    """
    # The name of a subfolder is the first 12 digits of the SHA-256.
    sha256 = hash_file(content) if isinstance(content, Path) else hash_content(content)
    place = locate_content(folder, name, sha256).parent
    for path in (place / name, *place.glob(f"[!.]*{Path(name).suffix}")):
        if path.is_file() and hash_file(path) == sha256:
            with suppress(OSError):
                os.utime(path)  # otherwise, `mlops prune` could delete the file because of its age
            return path
    if isinstance(content, Path):
        copy_atomically(content, place / name, sha256)
    else:
        write_atomically(place / name, content)
    return place / name


def copy_atomically(source: Path, path: Path, sha256: str) -> None:
    """Copy a file in chunks. Readers of `path` always find either the complete old or the complete new content.

    Raises
    ------
    IntegrityError
        If the SHA-256 hash of the copy differs from `sha256`.
    """
    with open(source, "rb") as original, open_replacement(path) as copy:
        shutil.copyfileobj(original, copy)
        copy.flush()
        if hash_file(Path(copy.name)) != sha256:
            raise IntegrityError(f"{source} changed while it was copied. Try again.")
