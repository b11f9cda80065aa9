"""Files that are whole or not there, and the hashes that prove it.

The client that starts every command loads this module. `msgspec`, `sqlite3` and `tempfile` would add 14 ms to each
start, so they are imported where they are used.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from mlops.errors import FormatError, IntegrityError

Record = TypeVar("Record")
ADVICE = "Restore it from a backup, or delete it."


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never half of it.

    Parameters
    ----------
    path : Path
        The file; its folder is made if it is missing.
    content : str or bytes
        The whole new content; text is written as UTF-8.
    mode : int
        Permission bits of the file, set before it gets its name.
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
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def require_hash(content: bytes, sha256: str, what: str) -> bytes:
    """Return a content that was kept under a hash; raise IntegrityError if it has another one.

    `what` says in the plural what it is and where: "The training rows /home/rows.parquet".
    """
    found = hash_content(content)
    if found != sha256:
        raise IntegrityError(
            f"{what} have changed since they were kept (SHA-256 {found[:12]}…, recorded {sha256[:12]}…). "
            "Restore them from a backup."
        )
    return content


def locate_content(folder: Path, name: str, sha256: str) -> Path:
    """Return where `store_by_content` stores the content of a hash: in a folder named by its first 12 digits."""
    return folder / sha256[:12] / name


def store_by_content(folder: Path, name: str, content: bytes) -> Path:
    """Store a file below `folder` in a folder named by its content, unless it is there already.

    Parameters
    ----------
    folder : Path
        Holds a folder for each content: the first 12 digits of its SHA-256.
    name : str
        The file's name.
    content : bytes
        The whole file.

    Returns
    -------
    Path
        Where it is; the same content under another name stays where it was stored first.
    """
    place = locate_content(folder, name, hash_content(content)).parent
    for path in (place / name, *place.glob(f"[!.]*{Path(name).suffix}")):
        if path.is_file() and path.read_bytes() == content:
            with suppress(OSError):
                os.utime(path)  # it is in use again: `mlops prune` goes by the age
            return path
    write_atomically(place / name, content)
    return place / name


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database, also while others use it; a kill leaves the old content of `target` or the new.

    Parameters
    ----------
    source, target : Path
        The files. What `target` held before is replaced in one transaction.
    """
    import sqlite3

    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)


def make_new_folder(parent: Path, name: str) -> Path:
    """Make a folder that nobody has yet: `name` in `parent`, or ``name-2`` and so on where it is taken.

    Returns
    -------
    Path
        The folder. Of several processes that ask at once, each gets its own.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_record(path: Path, kind: type[Record], advice: str = ADVICE) -> Record:
    """Read a JSON file into a type: the one way in which a record comes back from a disk.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        What it must hold.
    advice : str
        What to do if it is damaged: a sentence.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such file.
    IntegrityError
        If it cannot be read, or does not hold what it should.
    """
    return decode_record(read_content(path, advice), kind, str(path), advice)


def read_content(path: Path, advice: str = ADVICE) -> bytes:
    """Return the bytes of a file; raises as `read_record`."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}). {advice}") from error


def decode_record(content: bytes, kind: type[Record], what: str, advice: str = ADVICE) -> Record:
    """Return what a record holds; raises IntegrityError, which names it as `what`, if that is not a `kind`."""
    import msgspec

    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{what} is damaged ({error}). {advice}") from error


def require_format(found: int, newest: int, what: str) -> None:
    """Refuse what a newer version has written: reading it wrong would be worse than not reading it.

    Parameters
    ----------
    found, newest : int
        The format number that was read, and the newest one that this version knows.
    what : str
        What has the format, for the message; a path.

    Raises
    ------
    FormatError
        If `found` is newer.
    """
    if found > newest:
        raise FormatError(
            f"{what} has format {found}, but this version reads up to format {newest}. "
            "Update the checkout and run `make setup`; nothing was changed."
        )


def find_path(url: str) -> Path:
    """Return the path that a ``file://`` URL, or a plain path, names."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)


def hash_content(content: bytes) -> str:
    """Return the SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_path(path: Path) -> str:
    """Return the SHA-256 of a file, or of the files of a folder with their names."""
    return hash_listing(hash_folder(path)) if path.is_dir() else hash_file(path)


def hash_listing(hashes: Mapping[str, str]) -> str:
    """Return one SHA-256 for those of several files by name, as `hash_folder` returns them."""
    return hash_content(json.dumps(dict(hashes), sort_keys=True).encode())


def hash_folder(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by its path relative to it, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def verify_files(folder: Path, expected: Mapping[str, str], what: str) -> None:
    """Check that `folder` holds exactly the files that were recorded.

    Parameters
    ----------
    folder : Path
        What to look at.
    expected : mapping of str to str
        SHA-256 by relative path.
    what : str
        What the folder is, for the message: "model diabetes version 3".

    Raises
    ------
    IntegrityError
        If a file is missing, was added, or was changed.
    """
    found = hash_folder(folder)
    if found == dict(expected):
        return
    for path in sorted({*found, *expected}):
        if path not in found:
            raise IntegrityError(f"{what}: {path} is missing in {folder}; restore it, or register the model again")
        if path not in expected:
            raise IntegrityError(f"{what}: {path} was added to {folder} after it was recorded; remove it")
        if found[path] != expected[path]:
            raise IntegrityError(
                f"{what}: {path} has changed since it was recorded (SHA-256 {found[path][:12]}…, recorded "
                f"{expected[path][:12]}…); it is not loaded. Restore it, or train and register again"
            )
