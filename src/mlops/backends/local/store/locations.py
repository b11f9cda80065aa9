"""The paths of trainings' files. MLflow's database stores them as absolute paths below MLOPS_HOME."""

# After MLOPS_HOME was copied or moved, these paths must be updated.

import sqlite3
from pathlib import Path

from mlops.backends.local.store.database import PATIENT, Patience, ask_database

ARTIFACTS_FOLDER = "artifacts"  # a folder in MLOPS_HOME
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def locate_files(home: Path, run_id: str) -> Path:
    """Return the folder of a training's files in this MLOPS_HOME, even if the database names a different folder."""
    return home / ARTIFACTS_FOLDER / run_id / "artifacts"


def move_locations(database: Path, experiment: str, patience: Patience = PATIENT) -> None:
    """Update the paths in MLflow's database if the folder MLOPS_HOME was copied or moved.

    Call this function before every write.

    Parameters
    ----------
    database : Path
        The database in MLOPS_HOME.
    experiment : str
        The name of the MLflow experiment that contains all trainings.
    patience : Patience
        How long to wait for a locked database.
    """
    if not database.is_file():
        return
    new = (database.parent / ARTIFACTS_FOLDER).as_uri()

    def move(connection: sqlite3.Connection) -> None:
        found = connection.execute("SELECT artifact_location FROM experiments WHERE name = ?", [experiment]).fetchone()
        if found is None or found[0] == new:
            return
        old = found[0]
        connection.execute("BEGIN IMMEDIATE")
        for table, column in PLACES:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                [new, len(old) + 1, old, len(old) + 1, f"{old}/"],
            )
        connection.execute("COMMIT")

    ask_database(database, move, patience)
