"""The challenger, and the champion if the two can be compared."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tiny_model import track

from mlops.backends import memory
from mlops.errors import ProblemError
from mlops.model.comparison import Comparison
from mlops.model.contenders import Contenders
from mlops.model.promotion import decide_promotion, describe_sensitivity, overrule
from mlops.model.schema import tag_problem
from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.problem import Column, Problem, metrics

ROWS = pd.DataFrame({"x": [1.0, 2.0]})
WAYS_OUT = (
    "To replace it without a comparison, add `-p evaluate.promote_always=true --reason TEXT`. To keep the "
    "champion and register the new model under another name, add `-p shared.model_name=NAME`."
)


class Tiny(Problem):
    """A problem that predicts with the attribute `slope` of its models."""

    name = "tiny"
    columns = (Column("x"), Column("y", role="target"))
    metrics = (metrics.mean_squared_error(),)

    def predict(self, model: Any, rows: pd.DataFrame) -> Any:
        """Return numbers that are proportional to x."""
        return rows["x"] * model.slope


class Line:
    """A model."""

    slope = 2.0


class Wider(Tiny):
    """The problem with one more column."""

    columns = (*Tiny.columns, Column("w"))


@pytest.fixture
def backend() -> Backend:
    """A platform."""
    return memory.open_backend()


@pytest.fixture
def champion(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    """The champion of the problem, whose estimator is a `Line`."""
    monkeypatch.setattr("mlops.model.loading.load_registered", lambda backend, problem, model: Line())
    version = backend.registry.register("tiny", track(backend, tmp_path), tag_problem(Tiny()))
    return backend.registry.promote("tiny", version.version, expected="")


def test_both_models_predict_the_same_rows(backend: Backend, champion: ModelVersion) -> None:
    compared = Contenders(backend, Tiny(), Line(), champion)
    assert list(compared.models) == ["champion", "challenger"]
    assert {name: found.tolist() for name, found in compared.predict(ROWS).items()} == {
        "champion": [2.0, 4.0],
        "challenger": [2.0, 4.0],
    }
    assert list(Contenders(backend, Tiny(), Line(), None).predict(ROWS)) == ["challenger"]


def test_the_metrics_of_the_champion_when_it_was_registered_are_known(backend: Backend, champion: ModelVersion) -> None:
    tagged = replace(champion, tags={**champion.tags, "mean_squared_error": "2974.871"})
    expected = {"champion when registered": {"mean_squared_error": 2974.871}}
    assert Contenders(backend, Tiny(), Line(), tagged).recorded == expected
    untagged = Contenders(backend, Tiny(), Line(), champion).recorded
    assert untagged == {"champion when registered": {"mean_squared_error": None}}
    assert Contenders(backend, Tiny(), Line(), None).recorded == {}


def test_a_champion_of_other_columns_is_refused_with_two_ways_out(backend: Backend, champion: ModelVersion) -> None:
    with pytest.raises(ProblemError) as raised:
        Contenders(backend, Wider(), Line(), champion)
    why = (
        "The champion, tiny version 1, was trained on other columns than 'tiny' declares: their order, their kinds, "
        "the target or its classes differ."
    )
    assert str(raised.value) == f"{why} {WAYS_OUT}"
    compared = Contenders(backend, Wider(), Line(), champion, overruled=True)
    assert (list(compared.models), compared.misfit) == (["challenger"], why)


def test_a_champion_of_another_estimator_is_refused_with_two_ways_out(
    backend: Backend, champion: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops.model.loading.load_registered", lambda backend, problem, model: object())
    why = (
        "The problem 'tiny' cannot predict with the champion, tiny version 1: AttributeError: 'object' object has no "
        "attribute 'slope'."
    )
    with pytest.raises(ProblemError) as raised:
        Contenders(backend, Tiny(), Line(), champion).predict(ROWS)
    assert str(raised.value) == f"{why} {WAYS_OUT}"
    compared = Contenders(backend, Tiny(), Line(), champion, overruled=True)
    assert list(compared.predict(ROWS)) == ["challenger"]
    assert compared.misfit == why


def test_a_failure_of_the_challenger_keeps_its_own_error(backend: Backend, champion: ModelVersion) -> None:
    with pytest.raises(AttributeError, match="slope"):
        Contenders(backend, Tiny(), object(), champion).predict(ROWS)


def test_a_person_replaces_a_champion_that_cannot_be_compared() -> None:
    alone = decide_promotion(Comparison(metrics.mean_squared_error(), None, ROWS["x"].to_numpy()))
    decision = overrule(alone, promote_always=True, why="one more column", misfit="The champion has other columns.")
    assert (decision.promoted, decision.override) == (True, "one more column")
    assert decision.reason == (
        "The gate was overruled: one more column. The gate's reason: The champion has other columns."
    )
    assert describe_sensitivity(decision, "").startswith("The champion could not be compared")
