"""The contract of trainings, over every platform: `mlops.platform.trainings.Tracker`."""

import json
from pathlib import Path

import pytest
from recorded_trainings import list_trainings
from tiny_model import track

from mlops.errors import TrainingNotFoundError
from mlops.platform.backend import Backend
from mlops.platform.trainings import TrainingRun

ROWS = "bc51e9e65d79e1c90ba544ab2eae1044ccdf8c1af7a559ba375cba4276f7d99e"  # SHA-256 of b"rows"


def test_training_files_come_back_as_they_were(backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path, 3.5)
    fetched = backend.tracker.fetch_files(run, tmp_path / "fetched")
    assert json.loads((fetched / "model.json").read_text()) == {"number": 3.5}
    assert list(run.files) == ["model.json"]


def test_training_rows_are_kept_once_and_come_back(backend: Backend) -> None:
    """Rows are named by the hash of their content, so a tag of a model can name them on any platform."""
    assert backend.tracker.fetch_rows(ROWS) is None
    assert [backend.tracker.keep_rows(b"rows") for _ in range(2)] == [ROWS, ROWS]
    assert backend.tracker.keep_rows(b"other rows") != ROWS
    assert backend.tracker.fetch_rows(ROWS) == b"rows"


def test_a_sweep_has_its_own_trainings(backend: Backend, tmp_path: Path) -> None:
    sweep = backend.tracker.start_sweep("20261122-190758-sweep-3f9a51c2", {"alpha": [0.1, 1.0]})
    assert list_trainings(backend, sweep) == []
    runs = [track(backend, tmp_path, number, sweep=sweep) for number in (1.0, 2.0)]
    track(backend, tmp_path, 3.0)
    track(backend, tmp_path, 4.0, sweep=backend.tracker.start_sweep("another", {"alpha": [1.0]}))
    backend.tracker.end_sweep(sweep, state="succeeded", parameters={"alpha": 0.1}, metrics={"mse": 2.5})
    assert list_trainings(backend, sweep) == [run.run_id for run in runs]


def test_a_training_knows_whether_its_files_are_there(backend: Backend, tmp_path: Path) -> None:
    assert not backend.tracker.has_files(TrainingRun("nothing", {}))
    run = track(backend, tmp_path)
    assert backend.tracker.has_files(run)
    assert not backend.tracker.has_files(TrainingRun(run.run_id, {**run.files, "model.json": "0" * 64}))


def test_a_pipeline_run_that_is_resumed_has_trained_once(backend: Backend, tmp_path: Path) -> None:
    """A sweep trains several times in one run, each time with other parameters."""
    track(backend, tmp_path, run="run 1")
    again = track(backend, tmp_path, run="run 1")
    others = [track(backend, tmp_path, run="run 1", alpha=0.5), track(backend, tmp_path, run="run 2")]
    others += [track(backend, tmp_path), track(backend, tmp_path)]
    assert list_trainings(backend) == [run.run_id for run in (again, *others)]


@pytest.mark.no_blobs
def test_unknown_training_is_not_found(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(TrainingNotFoundError, match="no training run 'nothing'.*Run 02_train"):
        backend.tracker.fetch_files(TrainingRun("nothing", {}), tmp_path / "fetched")
