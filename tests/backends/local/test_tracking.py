"""Trainings of one machine, as MLflow's own client sees them."""

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
