"""Copies of SQLite databases that are in use."""

import sqlite3
from contextlib import closing
from pathlib import Path


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database, even while other processes use it.

    Parameters
    ----------
    source, target : Path
        The paths of the two databases. The content of `target` is replaced in one transaction.
    """
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
