"""The private folder for the sockets of the parents of warm kernels."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

LONGEST_NAME = 107  # maximum length in bytes of a Unix socket's path


class UnavailableError(Exception):
    """A warm kernel could not be started."""


def find_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the sockets of parents of warm kernels, and create it if needed.

    Raises
    ------
    UnavailableError
        If the path is not a folder, or if the folder belongs to another user or is open to other users.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    usual = runtime if os.path.isdir(runtime) and os.access(runtime, os.W_OK) else tempfile.gettempdir()
    folder = next(folder for folder in map(_name_folder, (usual, "/tmp")) if _is_short(folder))
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnavailableError(f"{folder} is not a private folder of this user. Delete it and try again.")
    return folder


def _name_folder(place: str) -> Path:
    return Path(place, f"mlops-kernels-{os.getuid()}")


def _is_short(folder: Path) -> bool:
    return len(os.fsencode(folder)) + 30 < LONGEST_NAME


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the lock for creating and deleting sockets in `folder`, within a ``with`` statement."""
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
