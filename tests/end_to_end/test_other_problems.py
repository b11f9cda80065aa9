"""Two other problems through the whole main job: only their package, base.yml and the parameters of 02_train differ."""

import importlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

# A model that leaves room for a better one.
POOR = {"cancer": "components=1", "churn": "trees=3"}


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
        return self.run("first", "all", "-p", f"train.{POOR[self.problem.name]}")

    def improve(self) -> RunRecord:
        """Return the second run, which retrains with the default hyperparameters."""
        self.start()
        return self.run("second", "retrain")


@pytest.fixture(scope="module", params=["cancer"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Other]:
    """Each of the problems, with a home of its own."""
    mlops = copy_project(tmp_path_factory.mktemp(request.param), request.param)
    mlops.workspace.home.mkdir()
    shutil.copyfile(database, mlops.workspace.home / database.name)
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
    champion = backend.registry.find_champion(other.problem.name)
    assert champion is not None
    (service,) = [found for found in _read_status(other)["services"] if found["environment"] == "production"]
    key = other.mlops("keys", "production", "--primary").stdout.strip()
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
        load_registered(backend, other.problem, champion), make_table(features, other.problem.examples)
    )
    assert answer.json()["result"] == pytest.approx(list(expected), rel=1e-6)


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


def _read_status(other: Other) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(other.mlops("status", "--json").stdout)
    return status
