"""The problem: data, holdout, model, metrics, and the scoring script, which imports nothing of the engine."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from diabetes.checks import RULES
from diabetes.data import (
    COLUMNS,
    EXAMPLE_ROWS,
    FEATURES,
    TARGET,
    load_sample,
    mark_holdout,
    restore_training_rows,
    split_rows,
)
from diabetes.metrics import score_predictions, squared_errors
from diabetes.model import cross_validate, export_numbers, predict, train_model


def test_the_sample_has_442_rows_of_eleven_numbers(good: pd.DataFrame) -> None:
    assert good.shape == (442, 11)
    assert tuple(good.columns) == COLUMNS == (*FEATURES, TARGET)
    assert set(good.dtypes.astype(str)) == {"float64"}
    assert (good[TARGET].min(), good[TARGET].max()) == (25.0, 346.0)
    assert np.square(good[list(FEATURES)]).sum().to_numpy() == pytest.approx(np.ones(10))


def test_every_column_has_one_rule_and_the_example_its_features() -> None:
    assert tuple(rule.name for rule in RULES) == COLUMNS
    assert [len(row) for row in EXAMPLE_ROWS] == [len(FEATURES), len(FEATURES)]


def test_rows_marked_in_chunks_are_marked_as_at_once(good: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = good.sample(frac=1, random_state=0)
    at_once = mark_holdout(shuffled, share=0.2, seed=0)
    monkeypatch.setattr("diabetes.data.CHUNK", 100)
    pd.testing.assert_series_equal(mark_holdout(shuffled, share=0.2, seed=0), at_once)
    assert mark_holdout(good.head(0), share=0.2, seed=0).empty


def test_the_holdout_is_the_one_it_always_was(good: pd.DataFrame) -> None:
    """If pandas changed its hash, champions would be judged on rows that they were trained on."""
    held = mark_holdout(good, share=0.2, seed=0)
    assert held.head(10).tolist() == [False, False, True, False, False, True, True, True, False, False]
    assert [int(mark_holdout(good, 0.2, seed).sum()) for seed in (0, 1, 2)] == [101, 97, 95]


def test_the_rows_of_an_older_training_are_restored(good: pd.DataFrame) -> None:
    """Older versions hashed the bits of the features, and stored no record of the rows."""
    trained = restore_training_rows(good, {"holdout_share": "0.2", "seed": "0"})
    assert list(trained.columns) == list(FEATURES)
    assert [row for row in range(10) if row not in trained.index] == [2, 8]
    sizes = [len(restore_training_rows(good, {"holdout_share": 0.2, "seed": seed})) for seed in (0, 1, 2)]
    assert sizes == [442 - 98, 442 - 91, 442 - 85]


def test_a_row_stays_where_it_is(good: pd.DataFrame) -> None:
    held = mark_holdout(good, share=0.2, seed=0)
    grown = pd.concat([good * 1.5, good]).set_axis(range(884))
    assert mark_holdout(grown, 0.2, 0).tail(442).tolist() == held.tolist()
    shuffled = good.sample(frac=1, random_state=0)
    assert mark_holdout(shuffled, 0.2, 0).sort_index().equals(held)
    assert mark_holdout(good.assign(Y=0.0)[[TARGET, *reversed(FEATURES)]], 0.2, 0).equals(held)


def test_a_held_out_row_stays_held_out_as_the_share_grows(good: pd.DataFrame) -> None:
    smaller, larger = (mark_holdout(good, share, seed=0) for share in (0.1, 0.3))
    assert (smaller & larger).equals(smaller)
    assert mark_holdout(good, 0.0, 0).sum() == 0
    assert mark_holdout(good, 1.0, 0).all()


def test_minus_zero_is_zero_and_a_whole_number_its_float(good: pd.DataFrame) -> None:
    zeros = good.head(1) * 0
    rows = pd.concat([zeros, -zeros]).set_axis(range(2))
    for seed in range(20):
        assert mark_holdout(rows, 0.5, seed).nunique() == 1
        assert mark_holdout(rows.astype(int), 0.5, seed).equals(mark_holdout(rows, 0.5, seed))


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
    sides = {seed: mark_holdout(rows, 0.5, seed).nunique() for seed in range(20)}
    assert (set(sides.values()) == {1}) is same


def test_another_seed_draws_another_holdout(good: pd.DataFrame) -> None:
    first, second = (mark_holdout(good, 0.2, seed) for seed in (0, 1))
    assert int((first & second).sum()) == pytest.approx(442 * 0.2 * 0.2, abs=12)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_share_is_met(share: float) -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(20_000, 10)), columns=list(FEATURES))
    assert mark_holdout(rows, share, seed=0).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("alpha", [0.0, 0.4, 10.0])
def test_the_model_is_scikit_learn_s_ridge(good: pd.DataFrame, alpha: float) -> None:
    ridge = Ridge(alpha=alpha).fit(good[list(FEATURES)], good[TARGET])
    model = train_model(good, alpha)
    assert model.named_steps["ridge"].coef_ == pytest.approx(ridge.coef_, rel=1e-9)
    assert predict(model, good).to_numpy() == pytest.approx(ridge.predict(good[list(FEATURES)]), rel=1e-9)


def test_cross_validation_predicts_each_row_by_a_model_that_has_not_seen_it(good: pd.DataFrame) -> None:
    few = good.head(60)
    alone = [predict(train_model(few.drop(index=row), 0.4), few.loc[[row]]).item() for row in few.index]
    assert cross_validate(few, 0.4, folds=len(few)) == pytest.approx(np.mean((few[TARGET] - alone) ** 2), rel=1e-9)
    assert cross_validate(good, 0.4) == pytest.approx(3106.85, abs=0.01)
    assert cross_validate(good, 1000.0) > 1.5 * cross_validate(good, 0.4)


def test_predictions_keep_their_rows_and_need_no_column_order(good: pd.DataFrame) -> None:
    model = train_model(good, alpha=0.4)
    rows = good.sample(5, random_state=0)[list(reversed(COLUMNS))]
    assert predict(model, rows).index.tolist() == rows.index.tolist()
    assert predict(model, rows).equals(predict(model, good).loc[rows.index])


@pytest.fixture
def score(project: Path, good: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The scoring script, loaded as the image loads it: as a file, with a model beside it."""
    numbers = export_numbers(train_model(good, alpha=0.4))
    (tmp_path / "model.json").write_text(json.dumps(numbers))
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    spec = importlib.util.spec_from_file_location("score_alone", project / "src" / "diabetes" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.init()
    return module


def test_the_service_predicts_what_the_model_does(score: ModuleType, good: pd.DataFrame) -> None:
    expected = predict(train_model(good, alpha=0.4), good).to_numpy()
    assert score.run(good[list(FEATURES)].to_numpy()) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert score.run(np.empty((0, 10))).shape == (0,)


@pytest.mark.parametrize(("shape", "found"), [((2, 9), "9"), ((1, 11), "11"), ((0, 0), "0"), ((10,), "no")])
def test_rows_of_another_width_are_refused(score: ModuleType, shape: tuple[int, ...], found: str) -> None:
    with pytest.raises(ValueError, match=".") as raised:
        score.run(np.zeros(shape))
    needed = "but it needs 10: AGE, SEX, BMI, BP, S1, S2, S3, S4, S5, S6"
    assert str(raised.value) == f"a row has {found} numbers, {needed}"


def test_the_scoring_script_needs_numpy_alone(project: Path) -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['sklearn', 'pandas', 'scipy', 'mlops', 'diabetes']))"
    program = f"{blocked}; import runpy; print(sorted(runpy.run_path({str(project / 'src/diabetes/score.py')!r}))[-2:])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['os', 'run']\n"


def test_metrics_by_hand() -> None:
    found = score_predictions([1, 2, 3, 6], [1, 2, 5, 5])
    assert found == {"mse": pytest.approx(1.25), "mae": pytest.approx(0.75), "r2": pytest.approx(1 - 5 / 14)}
    assert {type(value) for value in found.values()} == {float}


def test_squared_errors_average_to_the_mse() -> None:
    assert squared_errors([1, 2, 3, 6], [1, 2, 5, 5]).tolist() == [0.0, 0.0, 4.0, 1.0]
    assert squared_errors(pd.Series([1, 2], index=[7, 8]), pd.Series([2, 2], index=[1, 2])).tolist() == [1.0, 0.0]


def test_a_split_needs_rows_on_both_sides() -> None:
    with pytest.raises(
        ValueError, match=r"^holdout_share 0.05 of 3 rows leaves 3 for training and 0 for the holdout, but both need 2"
    ):
        split_rows(load_sample().head(3), 0.05, 0)
    training, holdout = split_rows(load_sample(), 0.2, 0)
    assert (len(training), len(holdout)) == (341, 101)


def test_too_few_rows_have_no_metrics() -> None:
    assert score_predictions([1.0], [1.0]) == {"mse": None, "mae": None, "r2": None}
