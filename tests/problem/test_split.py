"""The split into training rows and holdout."""

import churn
import numpy as np
import pandas as pd
import pytest
from progression import FEATURES, problem

from mlops.data.identity import identify_rows
from mlops.errors import UsageError
from mlops.problem import Column, Problem, metrics
from mlops.problem.split import restore_rows


def test_rows_marked_in_chunks_are_marked_as_at_once(good: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = good.sample(frac=1, random_state=0)
    at_once = problem.mark_holdout(shuffled, share=0.2, seed=0)
    monkeypatch.setattr("mlops.problem.split.CHUNK", 100)
    pd.testing.assert_series_equal(problem.mark_holdout(shuffled, share=0.2, seed=0), at_once)
    assert problem.mark_holdout(good.head(0), share=0.2, seed=0).empty


def test_the_holdout_is_the_one_it_always_was(good: pd.DataFrame) -> None:
    """If pandas changed its hash, champions would be judged on rows that they were trained on."""
    held = problem.mark_holdout(good, share=0.2, seed=0)
    assert held.head(10).tolist() == [False, False, True, False, False, True, True, True, False, False]
    assert [int(problem.mark_holdout(good, 0.2, seed).sum()) for seed in (0, 1, 2)] == [101, 97, 95]


def test_the_rows_of_an_older_training_are_restored(good: pd.DataFrame) -> None:
    """Older versions hashed the bits of the features, and stored no record of the rows."""
    trained = restore_rows(FEATURES, good, {"holdout_share": "0.2", "seed": "0"})
    assert list(trained.columns) == list(FEATURES)
    assert [row for row in range(10) if row not in trained.index] == [2, 8]
    sizes = [len(restore_rows(FEATURES, good, {"holdout_share": 0.2, "seed": seed})) for seed in (0, 1, 2)]
    assert sizes == [442 - 98, 442 - 91, 442 - 85]


def test_a_row_stays_where_it_is(good: pd.DataFrame) -> None:
    held = problem.mark_holdout(good, share=0.2, seed=0)
    grown = pd.concat([good * 1.5, good]).set_axis(range(884))
    assert problem.mark_holdout(grown, 0.2, 0).tail(442).tolist() == held.tolist()
    shuffled = good.sample(frac=1, random_state=0)
    assert problem.mark_holdout(shuffled, 0.2, 0).sort_index().equals(held)
    assert problem.mark_holdout(good.assign(Y=0.0)[["Y", *reversed(FEATURES)]], 0.2, 0).equals(held)


def test_a_held_out_row_stays_held_out_as_the_share_grows(good: pd.DataFrame) -> None:
    smaller, larger = (problem.mark_holdout(good, share, seed=0) for share in (0.1, 0.3))
    assert (smaller & larger).equals(smaller)
    assert problem.mark_holdout(good, 0.0, 0).sum() == 0
    assert problem.mark_holdout(good, 1.0, 0).all()


def test_minus_zero_is_zero_and_a_whole_number_its_float(good: pd.DataFrame) -> None:
    zeros = good.head(1) * 0
    rows = pd.concat([zeros, -zeros]).set_axis(range(2))
    for seed in range(20):
        assert problem.mark_holdout(rows, 0.5, seed).nunique() == 1
        assert problem.mark_holdout(rows.astype(int), 0.5, seed).equals(problem.mark_holdout(rows, 0.5, seed))


@pytest.mark.parametrize(
    ("values", "same"),
    [
        ([0.0123, 0.012304, 0.01226], True),
        ([0.01, 0.0099999, np.float32(0.01)], True),
        ([-1234.0, -1230.4, -1.23e3], True),
        ([1e-300, 1.0004e-300], True),
        ([0.0123, 0.0124], False),
        ([0.0123, 0.123, 1.23], False),
        ([0.0123, -0.0123], False),
    ],
)
def test_three_digits_decide(good: pd.DataFrame, values: list[float], same: bool) -> None:
    rows = good.head(1).loc[[0] * len(values)].set_axis(range(len(values))).assign(BMI=values)
    sides = {seed: problem.mark_holdout(rows, 0.5, seed).nunique() for seed in range(20)}
    assert (set(sides.values()) == {1}) is same


def test_another_seed_draws_another_holdout(good: pd.DataFrame) -> None:
    first, second = (problem.mark_holdout(good, 0.2, seed) for seed in (0, 1))
    assert int((first & second).sum()) == pytest.approx(442 * 0.2 * 0.2, abs=12)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_share_is_met(share: float) -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(20_000, 10)), columns=list(FEATURES))
    assert problem.mark_holdout(rows, share, seed=0).mean() == pytest.approx(share, abs=0.01)


def test_a_split_needs_rows_on_both_sides() -> None:
    with pytest.raises(
        UsageError, match=r"^holdout_share 0.05 of 3 rows leaves 3 for training and 0 for the holdout, but both need 2"
    ):
        problem.split_rows(problem.load_sample().head(3), 0.05, 0)
    training, holdout = problem.split_rows(problem.load_sample(), 0.2, 0)
    assert (len(training), len(holdout)) == (341, 101)


@pytest.mark.parametrize("rows", [0, 1])
def test_every_class_needs_training_rows(rows: int) -> None:
    """Otherwise, scikit-learn would end the training with an error that names neither the column nor the class."""
    sample = churn.problem.load_sample()
    training, _ = churn.problem.split_rows(sample, 0.2, 0)
    gone = training.index[training["churned"]][rows:]
    with pytest.raises(UsageError) as raised:
        churn.problem.split_rows(sample.drop(gone), 0.2, 0)
    kept = len(training) - len(gone)
    assert str(raised.value) == (
        f"The class true of churned has {rows} of the {kept} training rows, but each class needs 2 or more. Add rows "
        "of this class."
    )


class Customers(Problem):
    """A problem whose rows have a name."""

    name = "customers"
    columns = (
        Column("customer", kind="id"),
        Column("plan", kind="category", allowed=("basic", "plus")),
        Column("age"),
        Column("left", kind="boolean", role="target"),
    )
    metrics = (metrics.roc_auc_score("auc"),)


class Visits(Customers):
    """The same without the name."""

    columns = Customers.columns[1:]


@pytest.fixture
def customers() -> pd.DataFrame:
    """400 rows with gaps in both features."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"customer": range(400), "plan": rng.choice(["basic", "plus"], 400), "age": rng.random(400)})
    return rows.assign(plan=rows["plan"].where(rng.random(400) > 0.1), age=rows["age"].where(rng.random(400) > 0.1))


def test_a_declared_id_decides_alone(customers: pd.DataFrame) -> None:
    held = Customers().mark_holdout(customers, 0.2, 0)
    assert 50 < held.sum() < 110
    assert Customers().mark_holdout(customers.assign(age=1.0, plan="plus"), 0.2, 0).equals(held)
    assert Customers().mark_holdout(customers.astype({"customer": str}), 0.2, 0).equals(held)


def test_without_an_id_all_features_decide_and_a_gap_equals_a_gap(customers: pd.DataFrame) -> None:
    held = Visits().mark_holdout(customers, 0.2, 0)
    assert 50 < held.sum() < 110
    assert Visits().mark_holdout(customers.astype({"plan": "category", "age": "float32"}), 0.2, 0).equals(held)
    gaps = customers.assign(plan=customers["plan"].astype("string"), age=customers["age"].astype("Float64"))
    assert Visits().mark_holdout(gaps, 0.2, 0).equals(held)
    other = Visits().mark_holdout(customers.assign(plan="basic"), 0.2, 0)
    assert not other.equals(held)


def test_the_holdout_of_whole_ids_is_the_one_it_always_was(customers: pd.DataFrame) -> None:
    held = Customers().mark_holdout(customers, 0.2, 0)
    assert held[held].index[:8].tolist() == [6, 7, 31, 35, 38, 42, 48, 50]
    assert held.sum() == 61


@pytest.mark.parametrize("dtype", ["float64", "Float64", "Int64", "object"])
def test_an_id_stays_where_it_is_if_another_one_is_missing(customers: pd.DataFrame, dtype: str) -> None:
    held = Customers().mark_holdout(customers, 0.2, 0)
    gap = customers.assign(customer=customers["customer"].astype(dtype).where(customers.index > 0))
    assert Customers().mark_holdout(gap, 0.2, 0)[1:].equals(held[1:])


def test_a_feature_called_seed_decides_too(customers: pd.DataFrame) -> None:
    class Seeds(Customers):
        columns = (Column("seed"), Customers.columns[3])

    held = [Seeds().mark_holdout(customers.assign(seed=customers["customer"]), 0.2, seed) for seed in (0, 1)]
    assert 50 < held[0].sum() < 110
    assert not held[0].equals(held[1])


def test_a_column_can_be_called_self(customers: pd.DataFrame) -> None:
    class Selves(Customers):
        columns = (Column("self", kind="id"), *Customers.columns[1:])

    selves = customers.rename(columns={"customer": "self"})
    assert Selves().mark_holdout(selves, 0.2, 0).equals(Customers().mark_holdout(customers, 0.2, 0))
    assert identify_rows(Selves.columns[:3], selves)["self"].tolist() == customers["customer"].astype(str).tolist()
