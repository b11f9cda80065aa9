"""What a model says about the data that it was trained on."""

import json
from datetime import date
from pathlib import Path

import churn
import pandas as pd
import pytest
from progression import FEATURES, Diabetes, problem

from mlops.data.identity import match_rows
from mlops.data.kinds.conversion import convert_kinds
from mlops.model.training_data import (
    MOST_SEEN,
    TRAINING_DATA,
    TrainingData,
    describe_data,
    read_training_data,
    write_training_data,
)
from mlops.problem import Column


@pytest.fixture
def described(good: pd.DataFrame) -> TrainingData:
    """The data of a training on the sample."""
    training, holdout = problem.split_rows(good, 0.2, 0)
    return describe_data(problem, training, holdout)


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


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """Customers with text, gaps, booleans and dates."""
    return convert_kinds(churn.problem.load_sample(), churn.problem.columns, "sample")


def test_text_gaps_booleans_and_dates_are_described_as_json(customers: pd.DataFrame, tmp_path: Path) -> None:
    training, holdout = churn.problem.split_rows(customers, 0.2, 0)
    write_training_data(describe_data(churn.problem, training, holdout), tmp_path)
    described = read_training_data(tmp_path)
    assert described == describe_data(churn.problem, training, holdout)
    assert described.columns == ("plan", "region", "fee", "calls", "paperless", "joined", "paid")
    assert described.minimum == (None, None, training["fee"].min(), 0.0, None, "2018-02-23", "2025-10-24")
    assert described.seen == (
        ("basic", "family", "plus"),
        ("east", "north", "south", "west"),
        (),
        (),
        (False, True),
        (),
        (),
    )
    assert described.gaps == (False, True, False, True, True, False, True)
    first = json.loads((tmp_path / TRAINING_DATA).read_text())["rows"][0]
    assert first == ["plus", "north", 35.96, 1.0, True, "2021-09-06", "2026-01-04"]
    assert described.actual == (False, True)


def test_values_of_every_kind_are_judged(customers: pd.DataFrame) -> None:
    described = describe_data(churn.problem, customers, customers)
    usual = dict(zip(described.columns, described.rows[0], strict=True))
    for row in (usual, *churn.problem.examples, usual | {"calls": None, "region": float("nan")}):
        assert described.judge_row(row) == "within or near the training data"  # type: ignore[arg-type]
    for name, value, said in (
        ("plan", "gold", "plan 'gold' (trained on 'basic', 'family', 'plus')"),
        ("calls", 99.0, "calls 99.0 (trained on 0 to 10.0)"),
        ("joined", "1990-01-01", "joined 1990-01-01 (trained on 2018-02-23 to 2025-10-21)"),
        ("joined", date(2040, 1, 1), "joined 2040-01-01 (trained on 2018-02-23 to 2025-10-21)"),
        ("fee", None, "fee missing (never missing in the training data)"),
    ):
        assert described.judge_row(usual | {name: value}) == f"FAR OUTSIDE the training data: {said}"  # type: ignore[dict-item]
    never = describe_data(churn.problem, customers.assign(paperless=True), customers)
    assert never.judge_row(usual | {"paperless": False}).endswith(": paperless false (trained on true)")


def test_a_text_with_many_values_and_a_column_of_gaps_are_not_judged(customers: pd.DataFrame) -> None:
    many = customers.assign(region=[f"region {row}" for row in range(len(customers))], calls=float("nan"))
    described = describe_data(churn.problem, many, many)
    assert len(many) > MOST_SEEN
    assert described.seen[1] == ()
    row = dict(zip(described.columns, described.rows[0], strict=True))
    assert described.judge_row(row | {"region": "another", "calls": 3.0}) == "within or near the training data"


def test_the_description_of_an_older_model_is_read(tmp_path: Path) -> None:
    older = {"columns": ["a"], "minimum": [0.0], "maximum": [1.0], "rows": [[0.5]], "actual": [2.0]}
    (tmp_path / TRAINING_DATA).write_text(json.dumps(older))
    described = read_training_data(tmp_path)
    assert described.judge_row([3.0]) == "FAR OUTSIDE the training data: a 3.00 (trained on 0 to 1.00)"
    assert described.judge_row([None]) == "within or near the training data"


def test_example_rows_keep_whole_numbers_and_stay_within_the_range() -> None:
    columns = (
        Column("second", minimum=1700000001, maximum=1700000999),
        Column("share", minimum=0.12345612),
        Column("day", minimum=20180101),
        Column("y", role="target", maximum=0.98765462),
    )
    declared = type("Declared", (Diabetes,), {"columns": columns, "examples": (), "segments": ()})()
    rows = pd.DataFrame({"second": [1700000500.0], "share": [0.12345612], "day": [20180115.0], "y": [0.98765462]})
    described = describe_data(declared, rows, rows)
    assert described.rows == ((1700000500.0, 0.12345612, 20180115.0),)
    assert described.actual == (0.98765462,)
    usual = describe_data(declared, rows, rows.assign(share=0.765432198))
    assert usual.rows[0][1] == 0.765432
