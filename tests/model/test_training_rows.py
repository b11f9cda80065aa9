"""The rows that models were trained on: stored, found again, or known to be missing."""

from pathlib import Path

import pandas as pd
import pytest
from old_homes import build_home

from diabetes import FEATURES, problem
from mlops.backends import memory, open_backend
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.tracking import LocalTracker
from mlops.data.identity import match_rows
from mlops.data.tables import read_table
from mlops.errors import IntegrityError
from mlops.files.hashes import hash_file
from mlops.model.training_rows import find_distinct_rows, find_rows, keep_rows
from mlops.pipelines.step import HandedFile, Step, Training
from mlops.platform.trainings import Tracker
from mlops.problem.split import restore_rows
from mlops.workspace import HOME_FORMAT, read_home_format


@pytest.fixture
def tracker() -> Tracker:
    """A platform's record of trainings."""
    return memory.open_backend().tracker


def test_rows_come_back_as_they_were(tracker: Tracker, good: pd.DataFrame) -> None:
    features = good[list(FEATURES)]
    name = keep_rows(tracker, features)
    found = find_rows(tracker, problem, {"training_rows": name})
    pd.testing.assert_frame_equal(found, features, check_exact=True)
    # Storing the same rows again adds nothing.
    assert keep_rows(tracker, pd.concat([features, features.head(7)])) == name


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
    found = find_rows(tracker, problem, {"training_rows": keep_rows(tracker, rows)})
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
    names = [keep_rows(tracker, rows[list(FEATURES)]) for rows in (good, good, good.head(50))]
    trainings = [*({"training_rows": name} for name in names), {"author": "somebody else"}]
    found = find_distinct_rows(tracker, problem, trainings)
    assert [None if rows is None else len(rows) for rows in found] == [len(good), 50, None]


def test_rows_are_found_by_the_names_that_the_training_declares(
    tracker: Tracker, good: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    good.to_csv(path, index=False)
    fit = Step("fit", "02_fit", hands_on=(HandedFile("table", "content"),), trains=Training("run", "files", "fitted"))
    name = keep_rows(tracker, good[list(FEATURES)])
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
    name = keep_rows(tracker, problem.split_rows(good, 0.2, 0)[0][list(FEATURES)])
    (path,) = (tmp_path / "training-rows").rglob("*.parquet")
    assert hash_file(path) == name
    assert read_home_format(tmp_path) == HOME_FORMAT >= 3
    assert len(read_table(str(path)).frame) > 300
    path.write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match=r"^The training rows .*rows\.parquet have changed since they were stored"):
        find_rows(tracker, problem, {"training_rows": name})
    assert keep_rows(tracker, problem.split_rows(good, 0.2, 0)[0][list(FEATURES)]) == name == hash_file(path)
