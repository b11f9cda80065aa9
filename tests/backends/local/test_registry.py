"""The registry of one machine: many processes at once, and files that were changed."""

import json
import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest
from tiny_model import register, register_and_promote, track

from mlops.backends import open_backend
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.errors import IntegrityError
from mlops.platform.trainings import TrainingRun
from mlops.workspace import Workspace


@pytest.mark.parametrize("processes", [3, pytest.param(16, marks=pytest.mark.slow)])
def test_processes_that_register_at_once_get_versions_of_their_own_and_one_champion(
    workspace: Workspace, tmp_path: Path, processes: int
) -> None:
    folders = [tmp_path / str(number) for number in range(processes)]
    for folder in folders:
        folder.mkdir()
    context = get_context("forkserver")
    context.set_forkserver_preload(["mlflow.store.tracking.sqlalchemy_store", "mlops.backends.local"])
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        results = list(pool.map(partial(register_and_promote, "local"), [workspace] * processes, folders))
    assert sorted(version for version, _ in results) == list(range(1, processes + 1))
    assert sum(won for _, won in results) == 1


def test_a_champion_that_was_deleted_in_mlflow_is_not_one_that_never_was(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    first, second = register(backend, tmp_path, 1.0), register(backend, tmp_path, 2.0)
    backend.registry.promote("tiny", first.version, expected="")
    client = MlflowStore(migrated.home).client
    client.delete_model_version("tiny", "1")
    note = migrated.home / "champions" / "tiny.json"
    start = f'or write {{"version": 0}} to {note} to promote the next model without a comparison.'
    said = (
        "The champion of 'tiny', version 1, was deleted in MLflow. "
        f"Restore {migrated.home / 'mlflow.db'} from a backup, set the tag `champion` on another version there, "
        f"{start}"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(said)}$"):
        backend.registry.find_champion("tiny")
    client.set_model_version_tag("tiny", "2", "champion", "true")
    assert backend.registry.find_champion("tiny") == backend.registry.get_version("tiny", 2)
    backend.registry.promote("tiny", second.version, expected="")
    client.delete_model_version_tag("tiny", "2", "champion")
    with pytest.raises(IntegrityError, match="version 2, lost its tag `champion` in MLflow. Set the tag"):
        backend.registry.find_champion("tiny")
    client.delete_registered_model("tiny")
    said = (
        "MLflow no longer has any version of the model 'tiny', whose champion was version 2. "
        f"Restore {migrated.home / 'mlflow.db'} from a backup, {start}"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(said)}$"):
        backend.registry.find_champion("tiny")
    assert backend.registry.find_champion("other") is None
    note.write_text('{"version": 0}')
    assert backend.registry.find_champion("tiny") is None


def promote_as_before(workspace: Workspace, folder: Path) -> Path:
    """Promote two models as an older version of the engine did: without a note. Return the note's path."""
    registry = open_backend("local", workspace).registry
    first, second = (register(open_backend("local", workspace), folder, number) for number in (1.0, 2.0))
    registry.promote("tiny", first.version, expected="")
    registry.promote("tiny", second.version, expected=first.identity)
    note = workspace.home / "champions" / "tiny.json"
    note.unlink()
    return note


def test_a_deleted_champion_of_an_older_version_is_lost_too(migrated: Workspace, tmp_path: Path) -> None:
    note = promote_as_before(migrated, tmp_path)
    MlflowStore(migrated.home).client.delete_model_version("tiny", "2")
    with pytest.raises(IntegrityError, match="The champion of 'tiny', version 2, was deleted in MLflow"):
        open_backend("local", migrated).registry.find_champion("tiny")
    assert not note.exists()  # reading writes nothing
    note.write_text('{"version": 0}')
    assert open_backend("local", migrated).registry.find_champion("tiny") is None


@pytest.mark.parametrize("change", ["a training", "MLflow's page"])
def test_the_champion_of_an_older_version_is_noted_by_the_next_change(
    migrated: Workspace, tmp_path: Path, change: str
) -> None:
    note = promote_as_before(migrated, tmp_path)
    if change == "a training":
        track(open_backend("local", migrated), tmp_path, 3.0)
    else:
        MlflowStore(migrated.home).prepare_write()
    assert json.loads(note.read_text()) == {"version": 2}
    client = MlflowStore(migrated.home).client
    client.delete_registered_model("tiny")
    with pytest.raises(IntegrityError, match="any version of the model 'tiny', whose champion was version 2"):
        open_backend("local", migrated).registry.find_champion("tiny")


def test_the_note_follows_a_champion_that_a_person_or_an_older_version_chose(
    migrated: Workspace, tmp_path: Path
) -> None:
    note = promote_as_before(migrated, tmp_path)
    note.write_text('{"version": 1}')
    MlflowStore(migrated.home).prepare_write()
    assert json.loads(note.read_text()) == {"version": 2}


def test_a_champion_is_missed_without_the_database_too(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    backend.registry.promote("tiny", register(backend, tmp_path).version, expected="")
    (migrated.home / "mlflow.db").unlink()
    said = f"{migrated.home / 'mlflow.db'} is missing, and with it the champion of 'tiny', version 1. Restore the file"
    with pytest.raises(IntegrityError, match=f"^{re.escape(said)} from a backup, or write "):
        open_backend("local", migrated).registry.find_champion("tiny")
    assert not (migrated.home / "mlflow.db").exists()


def test_a_model_that_the_client_of_mlflow_has_loaded_is_not_changed(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    version = register(backend, tmp_path)
    (stored,) = (migrated.home / "artifacts").rglob("model.json")
    (stored.parent / "registered_model_meta").write_text("model_name: tiny\nmodel_version: '1'\n")
    fetched = backend.registry.fetch_model(version, tmp_path / "fetched")
    assert [path.name for path in fetched.iterdir()] == ["model.json"]
    assert backend.tracker.has_files(TrainingRun(version.run_id, version.files))


def test_a_changed_model_file_is_refused_before_it_is_read(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    version = register(backend, tmp_path)
    (stored,) = (migrated.home / "artifacts").rglob("model.json")
    stored.write_text('{"number": 666}')
    with pytest.raises(IntegrityError, match="model tiny version 1: model.json has changed since it was recorded"):
        backend.registry.fetch_model(version, tmp_path / "fetched")
    with pytest.raises(IntegrityError, match="has changed since it was recorded"):
        backend.registry.register("tiny", TrainingRun(version.run_id, version.files), {})
