"""SQL queries of MLflow's database. They return the same as MLflow's client, but faster."""

# Call `schema.require_schema` once before these functions.

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.backends.local.store.database import PATIENT, Patience, ask_database

DELETED = "Deleted_Internal"  # the stage of a deleted version, whose row MLflow keeps


@dataclass(frozen=True)
class VersionRow:
    """One model version, as stored in MLflow's database.

    Parameters
    ----------
    name : str
        The name of the model.
    version : int
        The number of the version.
    run_id : str
        The id of the MLflow run that trained the model.
    tags : mapping of str to str
        The tags of the version.
    created : int
        The time of the registration, in milliseconds since 1970.
    """

    name: str
    version: int
    run_id: str
    tags: Mapping[str, str]
    created: int


def read_versions(
    database: Path, name: str | None = None, version: int | None = None, patience: Patience = PATIENT
) -> list[VersionRow]:
    """Return model versions with their tags, all read in one transaction.

    Parameters
    ----------
    database : Path
        An existing database.
    name : str, optional
        The name of a model, to read only its versions.
    version : int, optional
        The number of a version, to read only this version.
    patience : Patience
        How long to wait for a lock of another process.

    Raises
    ------
    PlatformError, IntegrityError
        If the database cannot be used, or is damaged; see `explain_failure`.
    """
    wanted = {"name": name, "version": version}
    condition = " AND ".join(f"{column} = :{column}" for column, value in wanted.items() if value is not None) or "TRUE"

    def ask(connection: sqlite3.Connection) -> list[VersionRow]:
        connection.execute("BEGIN")
        found = connection.execute(
            f"SELECT name, version, run_id, creation_time FROM model_versions WHERE {condition} "
            "AND current_stage != :deleted ORDER BY name, version",
            {**wanted, "deleted": DELETED},
        ).fetchall()
        tags: dict[tuple[str, int], dict[str, str]] = {}
        rows = connection.execute(f"SELECT name, version, key, value FROM model_version_tags WHERE {condition}", wanted)
        for model, number, key, value in rows:
            tags.setdefault((model, number), {})[key] = value or ""
        connection.execute("COMMIT")
        return [
            VersionRow(model, number, run_id, tags.get((model, number), {}), created or 0)
            for model, number, run_id, created in found
        ]

    return ask_database(database, ask, patience)


def find_deleted(database: Path, name: str, tag: str, patience: Patience = PATIENT) -> int:
    """Return the version number of a model's newest deleted version with the tag `tag`; 0 if there is none.

    Raises
    ------
    PlatformError, IntegrityError
        If the database cannot be used, or is damaged; see `explain_failure`.
    """

    def ask(connection: sqlite3.Connection) -> int:
        found = connection.execute(
            "SELECT max(version) FROM model_versions JOIN model_version_tags USING (name, version) "
            "WHERE name = ? AND key = ? AND current_stage = ?",
            [name, tag, DELETED],
        ).fetchone()
        return found[0] or 0

    return ask_database(database, ask, patience)


def has_training(database: Path, run_id: str, patience: Patience = PATIENT) -> bool:
    """Return whether MLflow's database has a training with this run id.

    Raises
    ------
    PlatformError, IntegrityError
        If the database cannot be used, or is damaged; see `explain_failure`.
    """

    def ask(connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT 1 FROM runs WHERE run_uuid = ?", [run_id]).fetchone() is not None

    return ask_database(database, ask, patience)


def find_trainings(database: Path, tag: str, value: str, patience: Patience = PATIENT) -> list[str]:
    """Return the ids of the MLflow runs that are not deleted and whose tag `tag` has the value `value`.

    Raises
    ------
    PlatformError, IntegrityError
        If the database cannot be used, or is damaged; see `explain_failure`.
    """

    def ask(connection: sqlite3.Connection) -> list[str]:
        rows = connection.execute(
            "SELECT runs.run_uuid FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid "
            "WHERE tags.key = ? AND tags.value = ? AND runs.lifecycle_stage = 'active'",
            [tag, value],
        )
        return [run_id for (run_id,) in rows]

    return ask_database(database, ask, patience)
