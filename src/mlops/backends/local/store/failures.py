"""Explanations of failures of MLflow's database: what is wrong, and what to do about it."""

import errno
import os
import shlex
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from mlops.errors import IntegrityError, MlopsError, PlatformError, quote_cause
from mlops.files.disk import FULL, explain_full_disk
from mlops.record.processes import describe_holders, name_user

DATABASE = "mlflow.db"  # a file in MLOPS_HOME
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
ROOM = 1_000_000  # bytes that must be free on the disk of the database; a run adds about 100,000 bytes
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class HomeUser(Protocol):
    """An object that uses the database in a MLOPS_HOME."""

    @property
    def home(self) -> Path:
        """The MLOPS_HOME that contains the database."""
        ...


User = TypeVar("User", bound=HomeUser)


@contextmanager
def explain_failures(database: Path) -> Iterator[None]:
    """Convert SQLite's errors in the ``with`` block to errors that explain the cause. Other errors are not changed.

    Raises
    ------
    PlatformError, IntegrityError
        If the database cannot be used, or if it is damaged; see `explain_failure`.
    """
    try:
        with explain_full_disk(database.parent):  # MLflow writes files beside the database
            yield
    except MlopsError:
        raise
    except _list_failures() as error:  # evaluated only after a failure, because it imports MLflow
        cause = _find_sqlite_error(error)
        if cause is None:
            raise
        raise explain_failure(database, cause) from error


def explained(method: Callable[Concatenate[User, Arguments], Answer]) -> Callable[Concatenate[User, Arguments], Answer]:
    """Return the method, changed so that it raises the errors of `explain_failures` instead of SQLite's errors."""

    @wraps(method)
    def call(self: User, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        with explain_failures(self.home / DATABASE):
            return method(self, *args, **kwargs)

    return call


def explain_failure(path: Path, error: sqlite3.Error, waited: float = 0.0) -> MlopsError:
    """Return the error that explains a failure of SQLite.

    Parameters
    ----------
    path : Path
        The database.
    error : sqlite3.Error
        The error that SQLite raised.
    waited : float
        How many seconds the caller waited for a lock; 0 if that is unknown.

    Returns
    -------
    PlatformError
        If the database is locked, if it cannot be written to, or if the disk is full or fails.
    IntegrityError
        If the database is damaged.
    """
    code = read_code(error)
    if is_locked(error):
        since = f" and was not released within {waited:.0f} s" if waited else ""
        return PlatformError(
            f"{path} is locked by {name_holder(path)}{since}. Wait for that process or end it, then try again."
        )
    if code in DAMAGED or str(error).startswith("no such "):  # "no such table" is damage, too
        return explain_damage(path, str(error))
    if code == sqlite3.SQLITE_FULL:
        return _explain_system_error(path, OSError(errno.ENOSPC, str(error)))
    try:
        require_room(path)  # SQLite reports a limit of the file's size as an I/O error
    except PlatformError as found:
        return found
    if code in REFUSED:
        return _explain_system_error(path, OSError(errno.EACCES, str(error)))
    return PlatformError(f"{path} cannot be read or written: {quote_cause(error)}. Check its disk and try again.")


def require_room(path: Path) -> None:
    """Check that the folder of the database can be written to, and that the disk has space for a run.

    Raises
    ------
    PlatformError
        If the folder cannot be created or written to, or the disk is full.
    """
    try:
        size = path.stat().st_size if path.is_file() else 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as probe:
            probe.seek(size)  # if the size of files is limited, a write at this position of the probe fails
            if probe.write(bytes(ROOM)) < ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise _explain_system_error(path, error) from error


def is_locked(error: sqlite3.Error) -> bool:
    """Return whether SQLite raised this error because another process has locked the database."""
    return read_code(error) in LOCKED


def _list_failures() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import DatabaseError

    return MlflowException, DatabaseError, sqlite3.Error


def _find_sqlite_error(error: BaseException | None) -> sqlite3.Error | None:
    while error is not None and not isinstance(error, sqlite3.Error):
        error = error.__cause__ or error.__context__
    return error


def read_code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error of SQLite."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def name_holder(path: Path) -> str:
    return describe_holders(path) or "another process"


def _explain_system_error(path: Path, error: OSError) -> PlatformError:
    home = path.parent
    if error.errno in FULL:
        return PlatformError(
            f"The disk of {path} is full: less than {ROOM / 1e6:.0f} MB can be written. Free some space and try again."
        )
    if error.errno == errno.EFBIG:
        return PlatformError(
            f"{path} cannot grow by {ROOM / 1e6:.0f} MB, because the size of files is limited. "
            "Raise the limit (`ulimit -f`) and try again."
        )
    if error.errno == errno.EROFS:
        return PlatformError(
            f"{path} cannot be written to, because its file system is read-only. Set MLOPS_HOME to a writable folder."
        )
    found = next(place for place in (path, *path.parents) if os.path.exists(place))  # also if it cannot be read
    owner = _name_owner(found)
    if owner == name_user():
        because, fix = "", f"Run `chmod u+rwX {shlex.quote(str(found))}`"
    else:
        because, fix = f", because {found} belongs to {owner}", f"Take ownership of {home} and everything in it"
    return PlatformError(
        f"{name_user()} has no read and write access to {path}{because}. {fix}, or set MLOPS_HOME to another folder."
    )


def explain_damage(path: Path, reason: str) -> IntegrityError:
    backups = sorted(path.parent.parent.glob(f"{path.parent.name}.backup-*/{path.name}"))
    newest = f"the newest backup, {backups[-1]}" if backups else "a backup"
    return IntegrityError(f"{path} is damaged: {reason}. Restore it from {newest}.")


def _name_owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return f"user {path.stat().st_uid}"
