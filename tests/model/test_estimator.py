"""The bytes of a model's files depend on the model only, not on the process that writes them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import skops.io
from churn import problem
from sklearn.linear_model import Ridge

from mlops.model.estimator import rewrite_archive

SAVE = """
from pathlib import Path
from churn import problem as churn
from progression import problem as diabetes
from sklearn.feature_extraction.text import TfidfVectorizer
from mlops.files.hashes import hash_folder
from mlops.model.files import save_model
HYPERPARAMETERS = {diabetes: {"alpha": 0.4}, churn: {"trees": 5, "learning_rate": 0.1, "depth": 3, "seed": 0}}
def save(folder):
    for problem, values in HYPERPARAMETERS.items():
        rows = problem.load_sample().head(300)
        fitted = problem.train(rows, **values)
        fitted.words_ = {str(number) for number in range(20)}
        if problem is churn:
            fitted.texts_ = TfidfVectorizer().fit(["one two", "three"])
        save_model(problem, fitted, Path(folder, problem.name), rows)
    return hash_folder(Path(folder))
"""
SAVE_ALONE = f"import json, os, sys\nos.umask(63)\n{SAVE}\nprint(json.dumps(save(sys.argv[1])))"


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """The other process has another order of the elements of sets, another time zone and another umask."""
    environ = os.environ | {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run(
        [sys.executable, "-c", SAVE_ALONE, str(tmp_path / "other")],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    here: dict[str, Any] = {}
    exec(SAVE, here)
    saved = here["save"](tmp_path / "here")
    assert saved == json.loads(other.stdout)
    assert {"diabetes/MLmodel", "diabetes/model.skops", "churn/MLmodel", "churn/model.skops"} < saved.keys()


@pytest.mark.parametrize("count", [0, 1])
def test_only_the_gaps_between_fields_are_cleared(count: int) -> None:
    records = np.full(count * 16, 7, np.uint8).view(np.dtype([("small", "i1"), ("large", "i8")], align=True))
    stored = io.BytesIO()
    with ZipFile(stored, "w") as archive:
        with archive.open("5.npy", "w") as file:
            np.save(file, records)
        archive.writestr("schema.json", json.dumps({"file": "5.npy"}))
    with ZipFile(io.BytesIO(rewrite_archive(stored.getvalue()))) as archive:
        found = np.load(io.BytesIO(archive.read("1.npy")))
    assert found.dtype == records.dtype
    assert found.tolist() == records.tolist()
    assert found.tobytes().count(7) == 9 * count


def test_a_rewritten_archive_has_numbers_in_order_and_no_times() -> None:
    content = rewrite_archive(skops.io.dumps(Ridge().fit([[0.0], [1.0]], [0.0, 1.0])))
    with ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == ["1.npy", "2.npy", "schema.json"]
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 0o600)}


def test_objects_that_were_shared_are_shared_again() -> None:
    state, values = np.random.RandomState(0), np.arange(3.0)
    loaded = skops.io.loads(rewrite_archive(skops.io.dumps([state, state, values, values, 0.5, 0.5])))
    assert loaded[0] is loaded[1]
    assert loaded[2] is loaded[3]
    assert loaded[2].tolist() == [0.0, 1.0, 2.0]
    assert loaded[4:] == [0.5, 0.5]


def test_a_model_that_was_loaded_and_saved_again_has_the_same_bytes() -> None:
    fitted = problem.train(problem.load_sample().head(200), trees=3, learning_rate=0.1, depth=2, seed=0)
    content = rewrite_archive(skops.io.dumps(fitted))
    loaded = skops.io.loads(content, trusted=list(problem.trusted_types))
    assert rewrite_archive(skops.io.dumps(loaded)) == content


@pytest.mark.parametrize("rubbish", [0, 255])
def test_the_gaps_between_the_fields_of_records_are_zero(rubbish: int) -> None:
    kind = np.dtype([("left", "<i8"), ("leaf", "<u1")], align=True)
    records = np.full(2 * kind.itemsize, rubbish, dtype="u1").view(kind)
    records["left"], records["leaf"] = [1, 2], [0, 1]
    content = rewrite_archive(skops.io.dumps(records))
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("1.npy").endswith(bytes([2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]))
    assert skops.io.loads(content).tolist() == [(1, 0), (2, 1)]


def test_equal_texts_have_the_same_bytes_whether_or_not_they_are_one_object() -> None:
    text, equal = "auto", "".join(["au", "to"])
    assert text is not equal
    assert rewrite_archive(skops.io.dumps([text, text])) == rewrite_archive(skops.io.dumps([text, equal]))


def test_sets_are_sorted() -> None:
    with ZipFile(io.BytesIO(rewrite_archive(skops.io.dumps({f"{number:02}" for number in range(20)})))) as archive:
        schema = json.loads(archive.read("schema.json"))
    assert [json.loads(item["content"]) for item in schema["content"]] == [f"{number:02}" for number in range(20)]
