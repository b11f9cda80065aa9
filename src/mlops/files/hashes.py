"""Hashes that show whether files have changed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from mlops.errors import IntegrityError


def require_hash(content: bytes, sha256: str, what: str) -> bytes:
    """Return `content` if it has this SHA-256.

    Parameters
    ----------
    content : bytes
        The content to check.
    sha256 : str
        The recorded hash.
    what : str
        The subject of the error message, in the plural, such as "The training rows /home/rows.parquet".

    Raises
    ------
    IntegrityError
        If the content has changed.
    """
    found = hash_content(content)
    if found != sha256:
        raise IntegrityError(
            f"{what} have changed since they were stored (SHA-256 {found[:12]}…, recorded {sha256[:12]}…). "
            "Restore them from a backup."
        )
    return content


def hash_content(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_path(path: Path) -> str:
    """Return the SHA-256 of a file, or a single SHA-256 of the names and contents of all files in a folder."""
    return hash_listing(hash_folder(path)) if path.is_dir() else hash_file(path)


def hash_listing(hashes: Mapping[str, str]) -> str:
    """Return a single SHA-256 of several files, given the relative path and the SHA-256 of each file."""
    return hash_content(json.dumps(dict(hashes), sort_keys=True).encode())


def hash_folder(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by relative path. The paths are sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def verify_files(
    folder: Path, expected: Mapping[str, str], what: str, advice: str = "train and register the model again"
) -> None:
    """Check that `folder` contains exactly the files that were recorded, and that they are unchanged.

    Parameters
    ----------
    folder : Path
        The folder to check.
    expected : mapping of str to str
        The recorded SHA-256 of each file, by relative path.
    what : str
        The name of the content in the error message, such as "model churn version 3".
    advice : str
        The end of the error message, which says how to create the content again.

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
            raise IntegrityError(f"{what}: {folder} contains {path}, which is not a recorded file. Remove {path}.")
        if found[path] != expected[path]:
            raise IntegrityError(
                f"{what}: {path} has changed since it was recorded (SHA-256 {found[path][:12]}…, recorded "
                f"{expected[path][:12]}…), so it was not loaded. Restore it, or {advice}."
            )
