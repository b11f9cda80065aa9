"""Files in folders that are named after a hash of the content, so that the same content is stored only once."""

import os
from contextlib import suppress
from pathlib import Path

from mlops.files.atomic import write_atomically
from mlops.files.hashes import hash_content


def locate_content(folder: Path, name: str, sha256: str) -> Path:
    """Return the path at which `store_by_content` stores a file. Its folder is named after 12 digits of the hash."""
    return folder / sha256[:12] / name


def store_by_content(folder: Path, name: str, content: bytes) -> Path:
    """Store a file in a subfolder of `folder` that is named after its hash, unless the file is already stored there.

    Parameters
    ----------
    folder : Path
        The folder that contains a subfolder per content. The name of each is the first 12 digits of the SHA-256.
    name : str
        The file's name.
    content : bytes
        The complete content of the file.

    Returns
    -------
    Path
        The path of the stored file. If the same content was stored earlier under another name, the file keeps that
        name.
    """
    place = locate_content(folder, name, hash_content(content)).parent
    for path in (place / name, *place.glob(f"[!.]*{Path(name).suffix}")):
        if path.is_file() and path.read_bytes() == content:
            with suppress(OSError):
                os.utime(path)  # the file is in use again, and `mlops prune` deletes old files
            return path
    write_atomically(place / name, content)
    return place / name
