"""What a model says about the data that it was trained on."""

from pathlib import Path

import pandas as pd
import pytest

from diabetes import FEATURES, problem
from mlops.data.identity import match_rows
from mlops.model.training_data import TrainingData, describe_data, read_training_data, write_training_data


@pytest.fixture
def described(good: pd.DataFrame) -> TrainingData:
    """The data of a training on the sample."""
    training, holdout = problem.split_rows(good, 0.2, 0)
    return describe_data(training[list(FEATURES)], holdout[list(FEATURES)], holdout["Y"])


def test_examples_are_rows_of_the_data_with_their_true_values(good: pd.DataFrame, described: TrainingData) -> None:
    _, holdout = problem.split_rows(good, 0.2, 0)
    rows = pd.DataFrame(described.rows, columns=list(FEATURES))
    assert match_rows(rows, [holdout[list(FEATURES)].head(2)]).seen.all()
    assert described.actual == tuple(holdout["Y"].head(2))


def test_rows_far_outside_the_training_data_are_flagged(good: pd.DataFrame, described: TrainingData) -> None:
    for row in good[list(FEATURES)].to_numpy():
        assert described.judge_row(row) == "within or near the training data"
    smoke = [described.judge_row(row) for row in problem.example_rows]
    assert smoke[0] == "FAR OUTSIDE the training data: AGE 1.00 (trained on -0.107 to 0.111) and 9 more"
    one = [*described.rows[0][:-1], 0.6]
    assert described.judge_row(one) == "FAR OUTSIDE the training data: S6 0.600 (trained on -0.129 to 0.136)"


def test_it_is_kept_beside_the_model_and_older_models_have_none(described: TrainingData, tmp_path: Path) -> None:
    assert read_training_data(tmp_path) == TrainingData()
    assert TrainingData().judge_row([1.0]).startswith("unknown, because")
    write_training_data(described, tmp_path)
    assert read_training_data(tmp_path) == described
