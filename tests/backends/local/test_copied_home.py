"""A home that was copied works without the original, and writes nothing to it."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_model import register, track

from mlops.backends import open_backend
from mlops.backends.local.store.locations import PLACES
from mlops.files.hashes import hash_folder
from mlops.platform.trainings import TrainingRun
from mlops.workspace import Workspace


def list_places(home: Path) -> set[str]:
    """Return the recorded paths of trainings' files, each relative to the home that it is in."""
    with closing(sqlite3.connect(home / "mlflow.db")) as connection:
        rows = [row for table, column in PLACES for row in connection.execute(f"SELECT {column} FROM {table}")]
    return {row[0].rpartition("/artifacts/")[0] or row[0] for row in rows if "mlruns" not in row[0]}


@pytest.mark.parametrize("original_stays", [True, False])
def test_a_copied_home_is_read_and_written_by_itself(migrated: Workspace, tmp_path: Path, original_stays: bool) -> None:
    first = register(open_backend("local", migrated), tmp_path)
    copied = replace(migrated, home=tmp_path / "a copy")
    shutil.copytree(migrated.home, copied.home)
    before = hash_folder(migrated.home)
    if not original_stays:
        shutil.rmtree(migrated.home)

    backend, untouched = open_backend("local", copied), hash_folder(copied.home)
    assert backend.tracker.has_files(TrainingRun(first.run_id, first.files))
    assert (backend.registry.fetch_model(first, tmp_path / "fetched") / "model.json").is_file()
    assert hash_folder(copied.home) == untouched  # reading changes nothing

    run = track(backend, tmp_path, 2.0)
    second = backend.registry.register("tiny", run, {})
    assert (backend.registry.fetch_model(second, tmp_path / "fetched") / "model.json").is_file()
    assert (copied.home / "artifacts" / run.run_id).is_dir()
    assert all(place.startswith(copied.home.as_uri()) for place in list_places(copied.home))
    assert (hash_folder(migrated.home) == before) if original_stays else not migrated.home.exists()


def test_comparisons_with_a_champion_are_counted_on_in_a_restored_home(migrated: Workspace, tmp_path: Path) -> None:
    """Comparisons after the backup are forgotten only if their own file was restored, too."""
    backend = open_backend("local", migrated)
    register(backend, tmp_path)
    champion = backend.registry.promote("tiny", 1, expected="")
    assert backend.registry.record_look(champion, "before") == 1
    backup = tmp_path / "backup"
    shutil.copytree(migrated.home, backup)
    assert backend.registry.record_look(champion, "after") == 2

    shutil.copy(backup / "mlflow.db", migrated.home / "mlflow.db")
    only_database = open_backend("local", migrated).registry
    found = only_database.find_champion("tiny")
    assert found
    assert only_database.record_look(found, "next") == 3

    restored = open_backend("local", replace(migrated, home=backup)).registry
    found = restored.find_champion("tiny")
    assert found
    assert [restored.record_look(found, evidence) for evidence in ("before", "next")] == [1, 2]
