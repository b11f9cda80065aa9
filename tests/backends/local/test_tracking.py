"""Trainings of one machine, as MLflow's own client sees them."""

import getpass
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.types import Schema
from tiny_model import make_files

from mlops.backends import open_backend
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.platform.trainings import SweepState, TrainingOrigin
from mlops.workspace import Workspace

ORIGIN = TrainingOrigin(
    notebook="notebooks/02_train.ipynb",
    git_commit="0123abc-dirty",
    began=1_764_115_200.25,
    data_url="/home/somebody/.mlops/datasets/b55e02cf1a12/diabetes.csv",
    data_sha256="b55e02cf1a12" + "0" * 52,
    rows=442,
    columns={"AGE": "int64", "BMI": "float64", "SMOKES": "bool", "NAME": "object", "SEEN": "datetime64[ns]"},
)


@pytest.mark.parametrize("state", ["succeeded", "failed", "interrupted"])
def test_mlflow_shows_a_sweep_with_its_best_and_how_it_ended(migrated: Workspace, state: SweepState) -> None:
    tracker = open_backend("local", migrated).tracker
    sweep = tracker.start_sweep("a sweep", {"alpha": [0.1, 1.0]})
    tracker.end_sweep(sweep, state=state, parameters={"alpha": 0.1}, metrics={"mse": 2.5})
    run = MlflowClient(f"sqlite:///{migrated.home / 'mlflow.db'}").get_run(sweep)
    assert (run.data.params, run.data.metrics, run.info.run_name) == ({"alpha": "0.1"}, {"mse": 2.5}, "a sweep")
    assert run.info.status == {"succeeded": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}[state]
    assert run.data.tags["mlflow.note.content"] == "alpha=[0.1, 1.0]"


def test_mlflow_is_told_no_secrets(migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path may contain a signature, for example, and many people see the page of a run."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLOPS_SECRET_SIGNATURE", "s3cr3t-word")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "model.json").write_text("{}")
    url = "https://host/data?sig=s3cr3t-word"
    backend = open_backend("local", migrated)
    sweep = backend.tracker.start_sweep("a sweep", {"data_path": [url]})
    told = {"parameters": {"data_path": url}, "tags": {"data_path": url}, "metrics": {"mse": 1.5}}
    origin = replace(ORIGIN, data_url=url)
    run = backend.tracker.log_training(**told, files=tmp_path / "files", sweep=sweep, origin=origin)  # type: ignore[arg-type]
    backend.registry.register("diabetes", run, {"data_path": url})
    client = MlflowClient(f"sqlite:///{migrated.home / 'mlflow.db'}")
    found = [client.get_run(sweep).data, client.get_run(run.run_id).data, client.get_model_version("diabetes", "1")]
    assert [entry.tags.get("data_path") for entry in found] == [
        None,
        "https://host/data?sig=***",
        "https://host/data?sig=***",
    ]
    page = client.get_run(run.run_id)
    assert "s3cr3t" not in str([vars(entry) for entry in found]) + str(page.inputs.to_dictionary()) + page.info.run_name


def log(workspace: Workspace, folder: Path, origin: TrainingOrigin, run: str, sweep: str = "") -> Run:
    """Log a training, and return MLflow's run of it."""
    from mlflow import MlflowClient

    tracker = open_backend("local", workspace).tracker
    made = tracker.log_training(
        parameters={"alpha": 0.4, "seed": 0},
        metrics={"mse": 2.5},
        tags={},
        files=make_files(folder, 1.0),
        pipeline_run=run,
        sweep=sweep,
        origin=origin,
    )
    return MlflowClient(f"sqlite:///{workspace.home / 'mlflow.db'}").get_run(made.run_id)


def test_mlflow_shows_a_training_as_its_users_expect(migrated: Workspace, tmp_path: Path) -> None:
    """Name, duration, user, source, and data set with schema and hash."""
    run = log(migrated, tmp_path, ORIGIN, "/outputs/20261122-190758-all-3f9a51c2")
    experiment = MlflowStore(migrated.home).client.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert run.info.run_name == "20261122-190758-all-3f9a51c2"
    assert run.info.start_time == 1_764_115_200_250
    assert run.info.end_time > run.info.start_time
    shown = {name.removeprefix("mlflow."): value for name, value in run.data.tags.items()}
    assert (shown["user"], shown["source.type"]) == (getpass.getuser(), "NOTEBOOK")
    assert (shown["source.name"], shown["source.git.commit"]) == (ORIGIN.notebook, ORIGIN.git_commit)
    (given,) = run.inputs.dataset_inputs
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "training")]
    data = given.dataset
    assert (data.name, data.digest, data.source_type) == ("diabetes.csv", "b55e02cf1a12", "local")
    assert json.loads(data.source) == {"uri": ORIGIN.data_url}
    assert json.loads(data.profile) == {"num_rows": 442, "num_elements": 2210}
    columns = json.loads(data.schema)["mlflow_colspec"]
    assert Schema.from_json(json.dumps(columns)).input_names() == list(ORIGIN.columns)
    assert [column["type"] for column in columns] == ["long", "double", "boolean", "string", "datetime"]


def test_a_training_without_commit_or_run_and_one_of_a_sweep_have_names(migrated: Workspace, tmp_path: Path) -> None:
    by_hand = log(migrated, tmp_path, replace(ORIGIN, git_commit="unknown"), "")
    assert (by_hand.info.run_name, "mlflow.source.git.commit" in by_hand.data.tags) == ("interactive", False)
    sweep = open_backend("local", migrated).tracker.start_sweep("a sweep", {"alpha": [0.4]})
    assert log(migrated, tmp_path, ORIGIN, "/outputs/run", sweep).info.run_name == "alpha=0.4, seed=0"


def test_two_trainings_that_log_the_same_new_data_at_once_both_log_it(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow looks the data up and then inserts it, so the second insertion failed: UNIQUE constraint."""
    log_inputs = MlflowClient.log_inputs
    lost = ["UNIQUE constraint failed: datasets.experiment_id, datasets.name, datasets.digest"]

    def lose_once(client: MlflowClient, *given: Any, **options: Any) -> None:
        if lost:
            raise MlflowException(f"(sqlite3.IntegrityError) {lost.pop()}")
        log_inputs(client, *given, **options)

    monkeypatch.setattr(MlflowClient, "log_inputs", lose_once)
    (given,) = log(migrated, tmp_path, ORIGIN, "").inputs.dataset_inputs
    assert given.dataset.name == "diabetes.csv"
