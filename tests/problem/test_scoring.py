"""Predictions and cross-validation of a problem's models."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from progression import problem

from mlops.errors import ProblemError
from mlops.problem.scoring import cross_validate, predict_rows


def test_cross_validation_predicts_each_row_by_a_model_that_has_not_seen_it(
    good: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = good.head(60)
    monkeypatch.setattr("mlops.problem.scoring.FOLDS", len(few))
    alone = [problem.predict(problem.train(few.drop(index=row), alpha=0.4), few.loc[[row]]).item() for row in few.index]
    assert cross_validate(problem, few, alpha=0.4) == pytest.approx(np.mean((few["Y"] - alone) ** 2), rel=1e-9)
    monkeypatch.undo()
    assert cross_validate(problem, good, alpha=0.4) == pytest.approx(3106.85, abs=0.01)
    assert cross_validate(problem, good, alpha=1000.0) > 1.5 * cross_validate(problem, good, alpha=0.4)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1.0], "predict returned an array of shape (1,). The shape must be (3,)."),
        (1.0, "predict returned an array of shape (). The shape must be (3,)."),
        ([[1.0], [2.0], [3.0]], "predict returned an array of shape (3, 1). The shape must be (3,)."),
        ([1.0, float("nan"), 2.0], "predict returned nan for row 1. Return finite numbers."),
    ],
)
def test_a_problem_must_predict_one_finite_value_for_each_row(good: pd.DataFrame, answer: object, message: str) -> None:
    model = SimpleNamespace(predict=lambda rows: np.asarray(answer))
    with pytest.raises(ProblemError) as raised:
        predict_rows(problem, model, good.head(3))
    assert str(raised.value) == f"The problem 'diabetes': {message}"


def test_no_rows_have_no_predictions(good: pd.DataFrame) -> None:
    assert predict_rows(problem, SimpleNamespace(), good.head(0)).shape == (0,)


def test_metrics_by_hand() -> None:
    found = problem.score([1, 2, 3, 6], [1, 2, 5, 5])
    assert found == {"mse": pytest.approx(1.25), "mae": pytest.approx(0.75), "r2": pytest.approx(1 - 5 / 14)}
    assert {type(value) for value in found.values()} == {float}
    assert problem.score([1.0], [1.0]) == {"mae": 0.0, "mse": 0.0, "r2": None}
    assert problem.score([], []) == {"mae": None, "mse": None, "r2": None}
