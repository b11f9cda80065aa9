"""Queries of MLflow's database, and a check that a run can write to it. Both wait while the database is locked.

Also the URL with which MLflow and SQLAlchemy open the database.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from mlops.backends.local.store.failures import (
    explain_damage,
    explain_failure,
    is_locked,
    name_holder,
    read_code,
    require_room,
)

CHECKED = 64_000_000  # bytes; a larger database is not checked for damage, because a check takes 1 ms per megabyte
FIRST_WORD = 2.0  # seconds of waiting after which a warning says that the database is locked
# Opened for writing, because SQLite must first roll back the unfinished transaction of a killed process.
READ_AND_WRITE = "mode=rw"
UNCHANGING = "mode=ro&immutable=1"
PAUSE = 0.1  # seconds between two attempts
Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """The time to wait for a database that another process has locked.

    Parameters
    ----------
    seconds : float
        The maximum wait.
    clock, sleep : callable
        A function that returns the time in seconds, and a function that pauses for a number of seconds.
    """

    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


PATIENT = Patience()


def name_url(path: Path) -> str:
    """Return the URL of a database for MLflow and SQLAlchemy, which decode it."""
    # With `sqlite:///`, MLflow would create the folder that the URL names when it is not decoded.
    return f"sqlite+pysqlite:///{quote(str(path))}"


def ask_database(path: Path, ask: Callable[[sqlite3.Connection], Answer], patience: Patience = PATIENT) -> Answer:
    """Query an existing database, and return the answer. Wait while another process has the database locked.

    Parameters
    ----------
    path : Path
        The database.
    ask : callable
        A function that executes SQL statements on a connection and returns the answer. After each wait, this function
        is called again.
    patience : Patience
        How long to wait for the lock.

    Raises
    ------
    PlatformError, IntegrityError
        If the database cannot be used, or if it is damaged; see `explain_failure`.
    """
    began = patience.clock()
    announced, options = False, READ_AND_WRITE
    while True:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?{options}", 0.0, uri=True)) as connection:
                connection.isolation_level = None
                return ask(connection)
        except sqlite3.Error as error:
            if options != UNCHANGING and _is_closed_log(path, error):
                options = UNCHANGING
                continue
            waited = patience.clock() - began
            if not is_locked(error) or waited >= patience.seconds:
                raise explain_failure(path, error, waited) from error
        if waited >= FIRST_WORD and not announced:
            logger.warning("%s is locked by %s; waiting up to %.0f s.", path, name_holder(path), patience.seconds)
            announced = True
        patience.sleep(PAUSE)


def _is_closed_log(path: Path, error: sqlite3.Error) -> bool:
    """Return whether SQLite cannot read a database because it would create a write-ahead log in a read-only folder."""
    log = path.with_name(f"{path.name}-wal")
    return read_code(error) == sqlite3.SQLITE_CANTOPEN and not log.exists() and not os.access(path.parent, os.W_OK)


def require_writable(path: Path, patience: Patience = PATIENT) -> None:
    """Check, without changing the database, that a run can write to it.

    Raises
    ------
    PlatformError
        If the database stays locked, if it cannot be written to, or if the disk is full.
    IntegrityError
        If the database is damaged.
    """
    require_room(path)
    if not path.is_file():
        return
    check = path.stat().st_size <= CHECKED

    def write(connection: sqlite3.Connection) -> list[str]:
        found = [row[0] for row in connection.execute("PRAGMA quick_check(1)")] if check else ["ok"]
        connection.execute("BEGIN EXCLUSIVE")  # a commit waits for readers, too, so the check must wait for them
        connection.execute("CREATE TABLE mlops_can_write (id)")
        connection.execute("ROLLBACK")
        return found

    (found,) = ask_database(path, write, patience)
    if found != "ok":
        raise explain_damage(path, found.splitlines()[-1])
