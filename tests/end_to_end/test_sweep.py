"""A sweep as a user runs it: the real training, and the best one evaluated."""

import json
import subprocess
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from mlflow import MlflowClient

from mlops.record.ledger import RunRecord, list_runs
from mlops.sweeps.results import read_sweep


@pytest.fixture(scope="module")
def swept(mlops) -> "subprocess.CompletedProcess[str]":  # type: ignore[no-untyped-def]
    """A sweep of two penalties."""
    return mlops("sweep", "train", "-p", "alpha=10,0.1")


@pytest.fixture(scope="module")
def record(swept, mlops) -> RunRecord:  # type: ignore[no-untyped-def]
    """The record of the sweep."""
    return list_runs(mlops.workspace.outputs)[0]


def test_the_best_penalty_is_found_within_the_training_rows(swept, record, mlops) -> None:  # type: ignore[no-untyped-def]
    assert swept.returncode == 0, swept.stderr
    _, points = read_sweep(mlops.workspace.outputs / record.run_id)
    assert [point.score for point in points] == pytest.approx([5228.08, 2959.21], abs=0.01)
    assert "*    0.1   2,960" in swept.stdout
    assert "Best:       alpha=0.1 with cv_mse 2,960, 43.4% lower than the next, alpha=10" in swept.stdout
    assert "combinations, best so far cv_mse" in swept.stderr
    assert "mlflow" not in swept.stderr.lower()


def test_every_link_of_the_page_and_the_index_resolves(record, mlops) -> None:  # type: ignore[no-untyped-def]
    index = mlops.workspace.outputs / "index.html"
    page = mlops.workspace.outputs / record.run_id / "sweep.html"
    for path in (index, page):
        links = BeautifulSoup(path.read_text(), "html.parser").find_all("a")
        assert links
        assert [link["href"] for link in links if not Path(path.parent, link["href"]).is_file()] == []
    assert f'href="{record.run_id}/sweep.html"' in index.read_text()
    assert 'class="overview"' in index.read_text()


def test_mlflow_has_the_trainings_below_the_sweep(record, mlops) -> None:  # type: ignore[no-untyped-def]
    sweep, points = read_sweep(mlops.workspace.outputs / record.run_id)
    client = MlflowClient(f"sqlite:///{mlops.workspace.home / 'mlflow.db'}")
    parent = client.get_run(sweep.tracking)
    assert (parent.info.run_name, parent.info.status) == (record.run_id, "FINISHED")
    assert (parent.data.params, parent.data.metrics["cv_mse"]) == ({"alpha": "0.1"}, pytest.approx(2959.21, abs=0.01))
    for point in points:
        child = client.get_run(point.results["training_run"])
        assert child.data.tags["mlflow.parentRunId"] == sweep.tracking
        assert float(child.data.params["alpha"]) == point.values["alpha"]


def test_a_sweep_is_not_evaluated_unasked(record, mlops) -> None:  # type: ignore[no-untyped-def]
    ran = mlops.invoke("run", "retrain", "--only", "evaluate")
    assert ran.returncode == 2
    assert f"only sweeps have them. Add `--from {record.run_id}` for the best combination" in ran.stderr


@pytest.mark.slow
def test_the_best_one_is_what_evaluate_takes(record, mlops) -> None:  # type: ignore[no-untyped-def]
    ran = mlops("run", "retrain", "--only", "evaluate", "--from", record.run_id, "--json")
    evaluated = json.loads(ran.stdout)
    steps = {step["name"]: step for step in evaluated["steps"]}
    assert steps["train"]["source"] == record.run_id
    assert steps["evaluate"]["results"]["training_run"] == record.step("train").results["training_run"]
