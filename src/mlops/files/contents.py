"""Files in folders that are named by their content, so the same content is stored only once."""

import os
from contextlib import suppress
from pathlib import Path

from mlops.files.atomic import write_atomically
from mlops.files.hashes import hash_content


def locate_content(folder: Path, name: str, sha256: str) -> Path:
    """Return the path that `store_by_content` uses: in a folder named after the first 12 digits of the hash."""
    return folder / sha256[:12] / name


def store_by_content(folder: Path, name: str, content: bytes) -> Path:
    """Store a file below `folder`, in a folder named after its content, unless it is stored already.

    Parameters
    ----------
    folder : Path
        The parent of one folder per content, named after the first 12 digits of its SHA-256.
    name : str
        The file's name.
    content : bytes
        The whole file.

    Returns
    -------
    Path
        The stored file. It keeps its first name if the same content is stored again under another one.
    """
    place = locate_content(folder, name, hash_content(content)).parent
    for path in (place / name, *place.glob(f"[!.]*{Path(name).suffix}")):
        if path.is_file() and path.read_bytes() == content:
            with suppress(OSError):
                os.utime(path)  # because it is in use again, and `mlops prune` deletes by age
            return path
    write_atomically(place / name, content)
    return place / name
