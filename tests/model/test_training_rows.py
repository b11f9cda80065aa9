"""The rows that models were trained on: stored, found again, or known to be missing."""

from pathlib import Path

import churn
import pandas as pd
import pytest
from old_homes import build_home
from progression import FEATURES, problem

from mlops.backends import memory, open_backend
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.tracking import LocalTracker
from mlops.data.identity import match_rows
from mlops.data.kinds.conversion import convert_kinds
from mlops.data.tables import read_table
from mlops.errors import IntegrityError
from mlops.files.hashes import hash_file
from mlops.model.training_rows import find_distinct_rows, find_rows, keep_rows, look_up_rows
from mlops.pipelines.step import HandedFile, Step, Training
from mlops.platform.trainings import Tracker
from mlops.problem import Column, Problem, metrics
from mlops.problem.split import restore_rows
from mlops.workspace import HOME_FORMAT, read_home_format


@pytest.fixture
def tracker() -> Tracker:
    """A platform's record of trainings."""
    return memory.open_backend().tracker


def test_rows_come_back_as_they_were(tracker: Tracker, good: pd.DataFrame) -> None:
    features = good[list(FEATURES)]
    name = keep_rows(tracker, problem, features)
    found = find_rows(tracker, problem, {"training_rows": name})
    pd.testing.assert_frame_equal(found, features, check_exact=True)
    # Storing the same rows again adds nothing.
    assert keep_rows(tracker, problem, pd.concat([features, features.head(7)])) == name


class Pairs(Problem):
    """Two features, of which one is text or a number."""

    name = "pairs"
    columns = (Column("a"), Column("b"), Column("c", role="target"))
    metrics = (metrics.mean_squared_error(),)


@pytest.mark.parametrize(
    "rows",
    [
        pd.DataFrame({"a": [1.0, float("nan"), 2.0, float("nan")], "b": [0, 1, 0, 1]}),
        pd.DataFrame({"a": [2**53, 2**53 + 1, 0, 2**53], "b": [0, 0, 0, 0]}),
        pd.DataFrame({"a": ["x", None, "y", None], "b": [0, 1, 0, 1]}),
    ],
    ids=["gaps", "large integers", "text"],
)
def test_equal_rows_are_stored_once(tracker: Tracker, rows: pd.DataFrame) -> None:
    found = find_rows(tracker, Pairs(), {"training_rows": keep_rows(tracker, Pairs(), rows)})
    pd.testing.assert_frame_equal(found, rows[:3], check_exact=True)


def test_the_rows_of_an_older_training_are_those_of_its_data_file(
    tracker: Tracker, good: pd.DataFrame, tmp_path: Path
) -> None:
    """A training of an older version has tags, but no record of its rows."""
    path = tmp_path / "data.csv"
    good.to_csv(path, index=False)
    made = {"data_path": str(path), "data_sha256": hash_file(path), "holdout_share": "0.2", "seed": "0"}
    found = find_rows(tracker, problem, made)
    pd.testing.assert_frame_equal(found, restore_rows(FEATURES, good, made), check_exact=True)
    good.head(441).to_csv(path, index=False)
    assert find_rows(tracker, problem, made) is None
    path.unlink()
    assert find_rows(tracker, problem, made) is None


def test_rows_that_two_trainings_share_are_read_once(tracker: Tracker, good: pd.DataFrame) -> None:
    names = [keep_rows(tracker, problem, rows) for rows in (good, good, good.head(50))]
    trainings = [*({"training_rows": name} for name in names), {"author": "somebody else"}]
    found = find_distinct_rows(tracker, problem, trainings)
    assert [None if rows is None else len(rows) for rows in found] == [len(good), 50, None]


def test_rows_are_found_by_the_names_that_the_training_declares(
    tracker: Tracker, good: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    good.to_csv(path, index=False)
    fit = Step("fit", "02_fit", hands_on=(HandedFile("table", "content"),), trains=Training("run", "files", "fitted"))
    name = keep_rows(tracker, problem, good)
    older = {"table": str(path), "content": hash_file(path), "holdout_share": "0.2", "seed": "0"}
    assert len(find_rows(tracker, problem, {"fitted": name}, [fit])) == len(good)  # type: ignore[arg-type]
    assert len(find_rows(tracker, problem, older, [fit])) == 344  # type: ignore[arg-type]
    assert find_rows(tracker, problem, {"training_rows": name}, [fit]) is None
    assert find_rows(tracker, problem, {"training_rows": name}, []) is None


@pytest.mark.parametrize("name", ["format-1", "format-2"])
def test_the_champion_of_an_older_home_has_its_rows(good: pd.DataFrame, tmp_path: Path, name: str) -> None:
    backend = open_backend("local", build_home(tmp_path, name))
    champion = backend.registry.find_champion("diabetes")
    assert champion is not None
    found = find_rows(backend.tracker, problem, champion.tags)
    assert found is not None
    assert len(found) == 344
    assert match_rows(good[list(FEATURES)].astype("float32"), [found]).seen.sum() == 344


def test_rows_that_nobody_kept_are_not_available(tracker: Tracker) -> None:
    assert find_rows(tracker, problem, {"training_rows": "0" * 64}) is None
    assert find_rows(tracker, problem, {"author": "somebody else"}) is None


def test_locally_rows_are_files_of_the_home_which_older_versions_then_refuse(
    good: pd.DataFrame, tmp_path: Path
) -> None:
    tracker = LocalTracker(MlflowStore(tmp_path))
    name = keep_rows(tracker, problem, problem.split_rows(good, 0.2, 0)[0])
    (path,) = (tmp_path / "training-rows").rglob("*.parquet")
    assert hash_file(path) == name
    assert read_home_format(tmp_path) == HOME_FORMAT >= 3
    assert len(read_table(str(path)).frame) > 300
    path.write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match=r"^The training rows .*rows\.parquet have changed since they were stored"):
        find_rows(tracker, problem, {"training_rows": name})
    assert keep_rows(tracker, problem, problem.split_rows(good, 0.2, 0)[0]) == name == hash_file(path)


class Nameless(churn.Churn):
    """Churn without the id."""

    columns = churn.Churn.columns[1:]
    image_files = ()  # they are in the folder of Churn


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """Customers with text, gaps, booleans and dates."""
    return convert_kinds(churn.problem.load_sample().head(300), churn.problem.columns, "sample")


def test_with_an_id_only_the_ids_are_stored_and_a_corrected_row_counts_as_seen(
    tracker: Tracker, customers: pd.DataFrame
) -> None:
    name = keep_rows(tracker, churn.problem, customers[:200])
    stored = find_rows(tracker, churn.problem, {"training_rows": name})
    assert stored is not None
    assert list(stored.columns) == ["customer"]
    corrected = customers.assign(fee=1.0, plan="plus", joined=pd.Timestamp("2020-01-01"), paperless=None)
    found = look_up_rows(tracker, churn.problem, corrected, [{"training_rows": name}])
    assert found.seen.tolist() == [True] * 200 + [False] * 100
    assert found.unseen.sum() == 100
    renamed = customers.assign(customer=[f"other {row}" for row in range(300)])
    assert look_up_rows(tracker, churn.problem, renamed, [{"training_rows": name}]).unseen.all()


def test_ids_are_compared_in_all_their_digits(tracker: Tracker, customers: pd.DataFrame) -> None:
    numbered = customers.assign(customer=range(10**15, 10**15 + 300))
    name = keep_rows(tracker, churn.problem, numbered[:200])
    found = look_up_rows(tracker, churn.problem, numbered.astype({"customer": str}), [{"training_rows": name}])
    assert found.seen.tolist() == [True] * 200 + [False] * 100


def test_without_an_id_a_row_is_seen_if_all_features_of_all_kinds_agree(
    tracker: Tracker, customers: pd.DataFrame, tmp_path: Path
) -> None:
    nameless = Nameless()
    name = keep_rows(tracker, nameless, customers[:200])
    assert len(find_rows(tracker, nameless, {"training_rows": name}).columns) == 7  # type: ignore[union-attr]
    path = tmp_path / "customers.csv"
    customers.to_csv(path, index=False, float_format="%.6g")
    again = read_table(str(path), columns=nameless.columns).frame
    found = look_up_rows(tracker, nameless, again, [{"training_rows": name}])
    assert (found.seen.tolist(), found.unknown.any()) == ([True] * 200 + [False] * 100, False)
    for column, value in {"plan": "gold", "paperless": None, "paid": pd.Timestamp("2020-01-01"), "fee": 5.0}.items():
        rows = again[again[column].notna()].head(50)
        assert look_up_rows(tracker, nameless, rows.assign(**{column: value}), [{"training_rows": name}]).unseen.all()


def test_a_problem_that_gains_an_id_still_knows_the_rows_of_its_champion(
    tracker: Tracker, customers: pd.DataFrame
) -> None:
    trainings = [
        {"training_rows": keep_rows(tracker, Nameless(), customers[:100])},
        {"training_rows": keep_rows(tracker, churn.problem, customers[100:200])},
    ]
    found = look_up_rows(tracker, churn.problem, customers, trainings)
    assert found.seen.tolist() == [True] * 200 + [False] * 100
    # Without the id, the second training cannot be compared.
    found = look_up_rows(tracker, Nameless(), customers, trainings)
    assert (found.seen.sum(), found.unknown.sum(), found.unavailable) == (100, 200, 1)
