"""The registry of one machine: many processes at once, and files that were changed."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from tiny_model import register

from mlops.backends import open_backend
from mlops.errors import ConflictError, IntegrityError
from mlops.platform.trainings import TrainingRun
from mlops.workspace import Workspace


def register_and_promote(workspace: Workspace, folder: Path) -> tuple[int, bool]:
    """In a process of its own: register a model, and try to become the first champion."""
    backend = open_backend("local", workspace)
    version = register(backend, folder)
    try:
        backend.registry.promote("tiny", version.version, expected="")
    except ConflictError:
        return version.version, False
    return version.version, True


@pytest.mark.parametrize("processes", [6, pytest.param(16, marks=pytest.mark.slow)])
def test_processes_that_register_at_once_get_versions_of_their_own_and_one_champion(
    workspace: Workspace, tmp_path: Path, processes: int
) -> None:
    folders = [tmp_path / str(number) for number in range(processes)]
    for folder in folders:
        folder.mkdir()
    context = get_context("forkserver")
    context.set_forkserver_preload(["mlflow.store.tracking.sqlalchemy_store", "mlops.backends.local"])
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        results = list(pool.map(register_and_promote, [workspace] * processes, folders))
    assert sorted(version for version, _ in results) == list(range(1, processes + 1))
    assert sum(won for _, won in results) == 1


def test_a_changed_model_file_is_refused_before_it_is_read(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    version = register(backend, tmp_path)
    (stored,) = (migrated.home / "artifacts").rglob("model.json")
    stored.write_text('{"number": 666}')
    with pytest.raises(IntegrityError, match="model tiny version 1: model.json has changed since it was recorded"):
        backend.registry.fetch_model(version, tmp_path / "fetched")
    with pytest.raises(IntegrityError, match="has changed since it was recorded"):
        backend.registry.register("tiny", TrainingRun(version.run_id, version.files), {})
