"""`mlops publish`, `submit` and `runs` locally: a run in the background, whose record is that of any run."""

import json
import time
from pathlib import Path

import pytest

from mlops.operations.submitting import ENDED
from mlops.record.ledger import read_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mlops(make_mlops):  # type: ignore[no-untyped-def]
    """A command line on a state in which build 42 is published."""
    made = make_mlops()
    published = made("publish", "--build-id", "42", "--build-uri", "https://build/42", "--json")
    assert json.loads(published.stdout)["version"] == "42", published.stderr
    return made


def test_a_run_that_is_waited_for_says_how_it_ended(mlops, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = mlops("submit", "retrain", "--wait", "-p", "caller_run_id=7", "--json")
    assert first.returncode == 0, first.stderr
    run = json.loads(first.stdout)
    assert (run["state"], run["outcome"], run["version"]) == ("succeeded", "promoted", "42")
    said = {"BuildId": "42", "BuildUri": "https://build/42", "caller_run_id": "7"}
    assert (run["tags"], run["model_name"], run["model_version"]) == (said, "diabetes", 1)
    assert f"run {run['run_id']}: succeeded" in first.stderr
    record = read_run(mlops.workspace.outputs / run["run_id"])
    assert (record.outcome, record.step("register").parameters["build_id"]) == ("promoted", "42")

    second = mlops("submit", "retrain", "--wait", "-p", "caller_run_id=none", "--json")
    assert second.returncode == 0, second.stderr  # a model that is not better is not a failure
    rejected = json.loads(second.stdout)
    reasons = {step["name"]: step["reason"] for step in rejected["steps"]}
    assert {step["state"] for step in rejected["steps"] if step["reason"]} == {"skipped"}
    assert (rejected["outcome"], reasons["register"]) == ("rejected", rejected["reason"])

    listed = json.loads(mlops("runs", "--json").stdout)
    assert [found["run_id"] for found in listed["runs"]] == [rejected["run_id"], run["run_id"]]
    assert "rejected" in mlops("runs").stdout.splitlines()[0]
    shown = mlops("runs", run["run_id"]).stdout
    assert "Outcome:    promoted: There is no champion yet" in shown
    assert "train              succeeded" in shown
    assert "✓ train" in mlops("runs", run["run_id"], "--log", "train").stdout
    mlops("runs", run["run_id"], "--download", str(tmp_path))
    assert (tmp_path / run["run_id"] / "02_train.html").is_file()


def test_a_run_that_fails_is_exit_code_1(mlops, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "bad.csv").write_text("A,B\n1,2\n")
    failed = mlops("submit", "retrain", "--wait", "-p", f"data_file_path={tmp_path / 'bad.csv'}")
    assert failed.returncode == 1
    assert "test_data          failed" in failed.stderr
    assert "Outcome:    error" in failed.stdout


def test_submit_comes_back_at_once_and_a_run_can_be_canceled(mlops) -> None:  # type: ignore[no-untyped-def]
    run = json.loads(mlops("submit", "retrain", "-p", "model_name=other", "--json").stdout)
    assert run["state"] not in ENDED
    folder = mlops.workspace.outputs / run["run_id"]
    while not (folder / "run.json").is_file():
        time.sleep(0.02)
    canceled = mlops("runs", run["run_id"], "--cancel", "--json")
    ended = json.loads(canceled.stdout)
    assert ended["state"] in ENDED
    both = (ended["state"], read_run(folder).state)
    assert both in [("canceled", "interrupted"), ("succeeded", "succeeded")]  # it may have ended earlier


def test_what_cannot_be_submitted_is_bad_usage(mlops) -> None:  # type: ignore[no-untyped-def]
    for words, said in (
        (("submit", "retrain", "-p", "alpha"), "-p alpha is not of the form name=value"),
        (("submit", "retrain", "-p", "alpha=1"), "-p alpha: The published pipeline has no such parameter"),
        (("submit", "retrain", "-p", "data_file_path=gone.csv"), "-p data_file_path is 'gone.csv', but there is no"),
        (("runs", "--log", "train"), "--log, --download and --cancel need the id of a run"),
        (("run-step", "retrain", "train"), "Only the platform (local) can start `mlops run-step`."),
        (("run", "retrain", "--run-id", "../x"), "'../x' cannot be the name of a run"),
    ):
        refused = mlops(*words)
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
