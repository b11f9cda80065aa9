"""The schema of MLflow's database, and its upgrade."""

import re
import shutil
import sqlite3
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from old_homes import age_database, build_home

from mlops.backends import open_backend
from mlops.backends.local.datasets import LocalDatasets
from mlops.backends.local.store.schema import configure_alembic, read_revisions, read_schema, require_schema
from mlops.backends.local.upgrades import LocalUpgrades
from mlops.errors import FormatError, IntegrityError
from mlops.workspace import Workspace

OLDER, NEWEST = "1b5f0d9ad7c1", "dc11669786a5"


@pytest.fixture(scope="module")
def older_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a champion that an older MLflow created."""
    database = build_home(tmp_path_factory.mktemp("older")).home / "mlflow.db"
    age_database(database, OLDER)
    return database


@pytest.fixture
def older(tmp_path: Path, older_database: Path) -> Workspace:
    """A home with that database."""
    workspace = build_home(tmp_path)
    shutil.copy(older_database, workspace.home / "mlflow.db")
    return workspace


def open_upgrades(home: Path) -> LocalUpgrades:
    """Return the upgrades of a home."""
    return LocalUpgrades(home, LocalDatasets(home))


def set_revision(database: Path, revision: str) -> None:
    """Write another schema revision into a database."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def read_champion(database: Path) -> list[tuple[str, int]]:
    """Return the champion that a database names, after checking that the database is whole."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("SELECT name, version FROM model_version_tags WHERE key = 'champion'").fetchall()


def test_the_database_of_an_older_mlflow_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    database = workspace.home / "mlflow.db"
    set_revision(database, OLDER)
    backend = open_backend("local", workspace)
    said = (
        f"{database} was created by an older MLflow (schema {OLDER}). The installed MLflow needs schema {NEWEST}. "
        "Run `mlops upgrade --platform local`, which makes a backup first."
    )
    with pytest.raises(FormatError) as refused:
        backend.registry.find_champion("diabetes")
    assert str(refused.value) == said
    assert backend.infrastructure is not None
    with pytest.raises(FormatError, match="Run `mlops upgrade --platform local`"):
        backend.infrastructure.require_ready()
    schema = read_schema(database)
    assert schema is not None
    assert (schema.found, schema.outdated) == (OLDER, True)


@pytest.mark.slow
def test_an_upgraded_database_has_what_it_had(older: Workspace) -> None:
    upgrades = open_upgrades(older.home)
    assert upgrades.list_outdated() == [f"mlflow.db has schema {OLDER}, and MLflow needs {NEWEST}"]
    assert list(upgrades.upgrade()) == [
        f"mlflow.db: schema {OLDER} upgraded to {NEWEST}",
        f"{older.home / 'champions' / 'diabetes.json'}: version 1 recorded as the champion of 'diabetes'",
    ]
    assert (upgrades.list_outdated(), list(upgrades.upgrade())) == ([], [])
    champion = open_backend("local", older).registry.find_champion("diabetes")
    assert champion is not None
    assert (champion.version, champion.tags["alpha"]) == (1, "0.4")
    assert not list(older.home.glob(".mlflow.db.*"))


def test_the_revisions_are_those_that_alembic_finds(tmp_path: Path) -> None:
    scripts = ScriptDirectory.from_config(configure_alembic(tmp_path / "mlflow.db"))
    known = {script.revision for script in scripts.walk_revisions()}
    assert read_revisions() == (scripts.get_current_head(), known)


def test_the_database_of_a_newer_mlflow_is_refused(tmp_path: Path) -> None:
    home = build_home(tmp_path).home
    set_revision(home / "mlflow.db", "f0f0f0f0f0f0")
    said = re.escape(
        f"was created by a newer MLflow (schema f0f0f0f0f0f0). The installed MLflow reads schemas up to {NEWEST}"
    )
    with pytest.raises(FormatError, match=said):
        open_upgrades(home).list_outdated()
    with pytest.raises(FormatError, match=said):
        require_schema(home / "mlflow.db")


def test_a_file_that_is_no_database_is_damaged_not_old(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("something else, longer than the header of a database" * 9)
    with pytest.raises(IntegrityError, match="is damaged: file is not a database. Restore it from a backup"):
        require_schema(tmp_path / "mlflow.db")


@pytest.mark.slow
def test_an_upgrade_that_is_killed_leaves_the_old_database_or_the_new_one(
    older: Workspace, older_database: Path
) -> None:
    database = older.home / "mlflow.db"
    began = time.monotonic()
    list(open_upgrades(older.home).upgrade())  # imports the modules that the children then inherit
    seconds = time.monotonic() - began
    kept = read_champion(database)
    for share in range(1, 12):
        shutil.copy(older_database, database)
        child = get_context("fork").Process(target=lambda: list(open_upgrades(older.home).upgrade()))
        child.start()
        time.sleep(seconds * share / 10)
        child.kill()
        child.join()
        assert read_champion(database) == kept
        found = read_schema(database)
        assert found is not None
        assert found.found in (OLDER, NEWEST)
    list(open_upgrades(older.home).upgrade())
    assert open_upgrades(older.home).list_outdated() == []


def test_an_upgrade_notes_the_champion(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    note = workspace.home / "champions" / "diabetes.json"
    assert list(open_upgrades(workspace.home).upgrade()) == [
        f"{note}: version 1 recorded as the champion of 'diabetes'"
    ]
    assert note.read_text() == '{"version":1}'
    assert list(open_upgrades(workspace.home).upgrade()) == []
