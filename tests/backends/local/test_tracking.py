"""Trainings of one machine, as MLflow's own client sees them."""

from pathlib import Path

import pytest

from mlops.backends import open_backend
from mlops.platform.trainings import SweepState
from mlops.workspace import Workspace


@pytest.mark.parametrize("state", ["succeeded", "failed", "interrupted"])
def test_mlflow_shows_a_sweep_with_its_best_and_how_it_ended(migrated: Workspace, state: SweepState) -> None:
    from mlflow import MlflowClient

    tracker = open_backend("local", migrated).tracker
    sweep = tracker.start_sweep("a sweep", {"alpha": [0.1, 1.0]})
    tracker.end_sweep(sweep, state=state, parameters={"alpha": 0.1}, metrics={"mse": 2.5})
    run = MlflowClient(f"sqlite:///{migrated.home / 'mlflow.db'}").get_run(sweep)
    assert (run.data.params, run.data.metrics, run.info.run_name) == ({"alpha": "0.1"}, {"mse": 2.5}, "a sweep")
    assert run.info.status == {"succeeded": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}[state]
    assert run.data.tags["mlflow.note.content"] == "alpha=[0.1, 1.0]"


def test_mlflow_is_told_no_secrets(migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a path with a signature, for example: a run's page is shown to many."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLOPS_SECRET_SIGNATURE", "s3cr3t-word")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "model.json").write_text("{}")
    url = "https://host/data?sig=s3cr3t-word"
    backend = open_backend("local", migrated)
    sweep = backend.tracker.start_sweep("a sweep", {"data_path": [url]})
    told = {"parameters": {"data_path": url}, "tags": {"data_path": url}, "metrics": {"mse": 1.5}}
    run = backend.tracker.log_training(**told, files=tmp_path / "files", sweep=sweep)  # type: ignore[arg-type]
    backend.registry.register("diabetes", run, {"data_path": url})
    client = MlflowClient(f"sqlite:///{migrated.home / 'mlflow.db'}")
    found = [client.get_run(sweep).data, client.get_run(run.run_id).data, client.get_model_version("diabetes", "1")]
    assert [entry.tags.get("data_path") for entry in found] == [
        None,
        "https://host/data?sig=***",
        "https://host/data?sig=***",
    ]
    assert "s3cr3t" not in str([vars(entry) for entry in found])
