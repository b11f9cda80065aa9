"""Atomic files, records, and the hashes that show whether a file has changed.

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
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def require_hash(content: bytes, sha256: str, what: str) -> bytes:
    """Return a content after checking its hash; raise IntegrityError if it has changed.

    `what` names the content in the plural, for the message: "The training rows /home/rows.parquet".
    """
    found = hash_content(content)
    if found != sha256:
        raise IntegrityError(
            f"{what} have changed since they were kept (SHA-256 {found[:12]}…, recorded {sha256[:12]}…). "
            "Restore them from a backup."
        )
    return content


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


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database, even while others use it. If the process is killed, `target` has its old or new content.

    Parameters
    ----------
    source, target : Path
        The files. The content of `target` is replaced in one transaction.
    """
    import sqlite3

    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)


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


def read_record(path: Path, kind: type[Record], advice: str = ADVICE) -> Record:
    """Read a JSON file into a type. All records are read with this function.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        The type of its content.
    advice : str
        A sentence that says what to do if the file is damaged.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such file.
    IntegrityError
        If the file cannot be read, or has other content.
    """
    return decode_record(read_content(path, advice), kind, str(path), advice)


def read_content(path: Path, advice: str = ADVICE) -> bytes:
    """Return the bytes of a file; raise the same errors as `read_record`."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}). {advice}") from error


def decode_record(content: bytes, kind: type[Record], what: str, advice: str = ADVICE) -> Record:
    """Decode a record into a type; raise IntegrityError if it is damaged. `what` names the record in the message."""
    import msgspec

    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{what} is damaged ({error}). {advice}") from error


def require_format(found: int, newest: int, what: str) -> None:
    """Refuse a format that a newer version wrote, because misreading it would be worse than not reading it.

    Parameters
    ----------
    found, newest : int
        The format number that was read, and the newest one that this version knows.
    what : str
        The path of the file or folder, for the message.

    Raises
    ------
    FormatError
        If `found` is newer.
    """
    if found > newest:
        raise FormatError(
            f"{what} has format {found}, but this version reads up to format {newest}. "
            "Nothing was changed. Update the checkout and run `make setup`."
        )


def find_path(url: str) -> Path:
    """Return the path of a ``file://`` URL or of a plain path."""
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
    """Return one SHA-256 over the hashes of several files, in the form that `hash_folder` returns."""
    return hash_content(json.dumps(dict(hashes), sort_keys=True).encode())


def hash_folder(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by relative path, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def verify_files(
    folder: Path, expected: Mapping[str, str], what: str, advice: str = "train and register the model again"
) -> None:
    """Check that `folder` holds exactly the files that were recorded.

    Parameters
    ----------
    folder : Path
        The folder to check.
    expected : mapping of str to str
        SHA-256 by relative path.
    what : str
        The name of the content, for the message: "model diabetes version 3".
    advice : str
        How to get the content back, for the message.

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
            raise IntegrityError(f"{what}: {path} is missing in {folder}. Restore it, or {advice}.")
        if path not in expected:
            raise IntegrityError(f"{what}: {path} was added to {folder} after it was recorded. Remove it.")
        if found[path] != expected[path]:
            raise IntegrityError(
                f"{what}: {path} has changed since it was recorded (SHA-256 {found[path][:12]}…, recorded "
                f"{expected[path][:12]}…), so it was not loaded. Restore it, or {advice}."
            )
