"""The private folder for the sockets of the parents of warm kernels."""

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

# What to do about errors of the operating system that do not depend on the folder.
LIMITS = {
    errno.EAGAIN: "End other processes, or raise the limit on processes (`ulimit -u`).",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`).",
    errno.ENOMEM: "End other processes to free memory.",
}
OTHER_FOLDER = "Free some space there, or set XDG_RUNTIME_DIR to another folder."
LONGEST_NAME = 107  # maximum length in bytes of a Unix socket's path


class UnavailableError(Exception):
    """A warm kernel could not be started."""


def find_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the sockets of parents of warm kernels, and create it if needed.

    Raises
    ------
    UnavailableError
        If the path is not a folder, if the folder cannot be created, or if it belongs to another user or is open to
        other users.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    usual = runtime if os.path.isdir(runtime) and os.access(runtime, os.W_OK) else tempfile.gettempdir()
    folder = next(folder for folder in map(_name_folder, (usual, "/tmp")) if _is_short(folder))
    with explain_failure(folder):
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
def explain_failure(folder: Path) -> Iterator[None]:
    """In a ``with`` statement, turn an error of the operating system into an error that says what to do.

    `folder` is the folder for the sockets.

    Raises
    ------
    UnavailableError
        If the code of the ``with`` statement raises an `OSError`.
    """
    try:
        yield
    except OSError as error:
        advice = LIMITS.get(error.errno or 0)
        said = f"The parent of the warm kernels could not be started: {error.strerror}. {advice}"
        place = f"{folder} cannot be written: {error.strerror}. {OTHER_FOLDER}"
        raise UnavailableError(said if advice else place) from error


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """In a ``with`` statement, hold the lock for creating and deleting sockets in `folder`."""
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
