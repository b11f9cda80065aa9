"""Two other problems through the whole main job: only their package, base.yml and the parameters of 02_train differ.

The problem with columns of all types runs on every change, the other one at night.
"""

import importlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pytest
import requests
from command_line import CommandLine
from other_project import copy_project

from mlops.backends import open_backend
from mlops.model.loading import load_registered
from mlops.pipelines import PIPELINES
from mlops.problem import Problem
from mlops.problem.values import make_table, write_value
from mlops.record.ledger import RunRecord, list_runs
from mlops.workspace import Workspace

# A model that leaves room for a better one.
POOR = {"cancer": "components=1", "churn": "trees=3"}
# A service that imports pandas and scikit-learn starts slowly on a busy machine.
SETTINGS = {"test_{}.latency_requests": 10, "deploy_{}.ready_seconds": 120}
OPTIONS = [
    word
    for environment in ("qa", "production")
    for name, value in SETTINGS.items()
    for word in ("-p", f"{name.format(environment)}={value}")
]


@dataclass(frozen=True)
class Other:
    """A copy of the project for another problem, with its command line and the runs that the tests share."""

    problem: Problem
    mlops: CommandLine
    runs: dict[str, RunRecord] = field(default_factory=dict)

    def run(self, name: str, *words: str) -> RunRecord:
        """Return the record of a run, which happens once."""
        if name not in self.runs:
            ran = self.mlops("run", *words)
            assert ran.returncode == 0, ran.stdout + ran.stderr
            self.runs[name] = list_runs(self.mlops.workspace.outputs)[0]
        return self.runs[name]

    def start(self) -> RunRecord:
        """Return the first run: from the data test to the tested production service, with a poor model."""
        return self.run("first", "all", "-p", f"train.{POOR[self.problem.name]}", *OPTIONS)

    def improve(self) -> RunRecord:
        """Return the second run, which retrains with the default hyperparameters."""
        self.start()
        return self.run("second", "retrain")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for one copy of the project, so that both problems use the same parent of warm kernels."""
    return tmp_path_factory.mktemp("copy")


@pytest.fixture(scope="module", params=[pytest.param("cancer", marks=pytest.mark.slow), "churn"])
def other(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, copy: Path, database: Path
) -> Iterator[Other]:
    """Each of the problems, with a home of its own."""
    copied, state = copy_project(copy, request.param), tmp_path_factory.mktemp(request.param)
    (state / "home").mkdir()
    shutil.copyfile(database, state / "home" / database.name)
    mlops = replace(copied, workspace=Workspace(copied.workspace.project, state / "home", state / "outputs"))
    yield Other(importlib.import_module(request.param).problem, mlops)
    mlops("stop")


def test_the_first_model_is_promoted_and_released(other: Other) -> None:
    run = other.start()
    assert (run.outcome, run.result("reason")) == (
        "promoted",
        "There is no champion yet, so the first model is promoted.",
    )
    assert [(step.name, step.state) for step in run.steps] == [(step.name, "done") for step in PIPELINES["all"]]
    assert {metric.name for metric in other.problem.metrics} <= {*run.steps[1].results}


def test_the_service_answers_records_as_the_champion_predicts(other: Other) -> None:
    other.start()
    backend = open_backend("local", other.mlops.workspace)
    served = backend.registry.get_version(other.problem.name, 1)  # the tests below only retrain
    (service,) = [found for found in _read_status(other)["services"] if found["environment"] == "production"]
    key = other.mlops.invoke("keys", "production", "--primary").stdout.strip()
    features = [column for column in other.problem.columns if column.role == "feature"]
    records = [
        {column.name: write_value(column, example[column.name]) for column in features}
        for example in other.problem.examples
    ]
    answer = requests.post(
        f"{service['url']}/score", json={"data": records}, headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    expected = other.problem.predict(
        load_registered(backend, other.problem, served), make_table(features, other.problem.examples)
    )
    assert answer.json()["result"] == pytest.approx(list(expected), rel=1e-6)


def test_the_client_of_mlflow_loads_the_champion_and_predicts_the_same(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other.mlops.workspace.home}/mlflow.db")
    loaded = mlflow.pyfunc.load_model(f"models:/{other.problem.name}@champion")
    backend = open_backend("local", other.mlops.workspace)
    version = backend.registry.find_champion(other.problem.name)
    assert version is not None
    champion = load_registered(backend, other.problem, version)
    inputs = other.problem.prepare(other.problem.load_sample().head(50))
    assert loaded.predict(inputs) == pytest.approx(champion.predict_proba(inputs), rel=1e-12)


def test_a_better_challenger_is_promoted(other: Other) -> None:
    run = other.improve()
    decisive = other.problem.decisive
    assert run.outcome == "promoted", run.result("reason")
    assert decisive.title in str(run.result("reason"))
    assert _read_status(other)["champion"]["version"] == 2


def test_an_equal_challenger_is_rejected(other: Other) -> None:
    """The training is that of the champion, so only the evaluation runs again."""
    other.improve()
    run = other.run("equal", "retrain")
    assert (run.outcome, run.result("promoted")) == ("rejected", False)
    assert "equal" in str(run.result("reason"))
    assert _read_status(other)["champion"]["version"] == 2


def test_a_worse_challenger_is_rejected(other: Other) -> None:
    """The first training is evaluated again, with the new champion."""
    other.improve()
    run = other.run("worse", "retrain", "-p", f"train.{POOR[other.problem.name]}")
    assert (run.outcome, run.result("promoted")) == ("rejected", False)
    assert str(run.result("reason")).startswith("The challenger is worse: ")


def test_the_data_sets_and_the_models_with_a_person_s_rows_are_listed(other: Other) -> None:
    other.improve()
    ids = [column.name for column in other.problem.columns if column.kind == "id"]
    person = other.problem.load_sample()[ids[0]].iloc[0] if ids else "4711"
    forgotten = json.loads(other.mlops.invoke("data", "forget", "--id", person, "--json").stdout)
    models = [f"{other.problem.name} version {number}" for number in (1, 2)]
    assert forgotten["traces"] == ([{"dataset": other.problem.name, "version": 1, "models": models}] if ids else [])


def _read_status(other: Other) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(other.mlops.invoke("status", "--json").stdout)
    return status
