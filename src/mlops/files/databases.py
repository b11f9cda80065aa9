"""SQLite databases, copied while they are in use."""

import sqlite3
from contextlib import closing
from pathlib import Path


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database, even while others use it. If the process is killed, `target` has its old or new content.

    Parameters
    ----------
    source, target : Path
        The files. The content of `target` is replaced in one transaction.
    """
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
