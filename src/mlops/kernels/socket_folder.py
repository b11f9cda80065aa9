"""The private folder of the sockets: whoever can connect to one runs code as this user."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

LONGEST_NAME = 107  # bytes, of a Unix socket


class UnavailableError(Exception):
    """There is no warm kernel to be had; the message says why."""


def find_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Find or make the folder: below ``XDG_RUNTIME_DIR``, else below the folder for temporary files.

    Raises
    ------
    UnavailableError
        If the folder is not private: not a folder, another user's, or open to others.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    usual = runtime if os.path.isdir(runtime) and os.access(runtime, os.W_OK) else tempfile.gettempdir()
    folder = next(folder for folder in map(_name_folder, (usual, "/tmp")) if _is_short(folder))
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnavailableError(f"{folder} is not private to this user: remove it")
    return folder


def _name_folder(place: str) -> Path:
    return Path(place, f"mlops-kernels-{os.getuid()}")


def _is_short(folder: Path) -> bool:
    return len(os.fsencode(folder)) + 30 < LONGEST_NAME


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the lock of whoever makes or removes a socket: of several who would start a parent, one does."""
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
