"""Runs in the background of one machine: the command that a submission starts."""

import ast
import sys
import time
from pathlib import Path

import pytest

from mlops.backends import open_backend
from mlops.errors import NotFoundError, StepNotFoundError, UsageError
from mlops.platform.submission import Submission
from mlops.record.ledger import RunRecord, write_run
from mlops.record.processes import NO_PROCESS
from mlops.record.steps import StepRecord
from mlops.workspace import Workspace

ECHO = (sys.executable, "-c", "import sys; print(sys.argv[1:])")


def start(workspace: Workspace, submission: Submission) -> list[str]:
    """Submit with a command that prints its arguments, and return them."""
    pipelines = open_backend("local", workspace, ECHO).pipelines
    assert pipelines is not None
    pipelines.publish("42", "https://build/42")
    log = workspace.outputs / pipelines.submit(submission).run_id / "submitted.log"
    while not log.read_text():
        time.sleep(0.02)
    words: list[str] = ast.literal_eval(log.read_text())
    return words


def test_the_command_is_given_what_was_submitted(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "new data.csv").write_text("A,Y\n1,2\n")
    words = start(workspace, Submission(model_name="other", data_file_path=str(tmp_path / "new data.csv")))
    assert words[:4] == ["run", "retrain", "--platform", "local"]
    assert words[6:] == [
        *("-p", "shared.model_name=other"),
        *("-p", f"test_data.data_path={tmp_path}/new data.csv"),
        *("-p", "register.build_id=42"),
        *("-p", "register.build_uri=https://build/42"),
    ]


def test_a_version_of_the_data_set_is_looked_up_before_anything_is_started(
    workspace: Workspace, tmp_path: Path
) -> None:
    datasets = open_backend("local", workspace).datasets
    for number in (1, 2):
        (tmp_path / "data.csv").write_text(f"A,Y\n1,{number}\n")
        datasets.register(datasets.stage(tmp_path / "data.csv"))
    first = datasets.get_version("1").url
    assert f"test_data.data_path={first}" in start(workspace, Submission(dataset_version="1"))
    with pytest.raises(NotFoundError, match="The data set has no version '3'"):
        start(workspace, Submission(dataset_version="3"))


def test_without_a_command_nothing_is_started(workspace: Workspace) -> None:
    pipelines = open_backend("local", workspace).pipelines
    assert pipelines is not None
    pipelines.publish("42", "")
    with pytest.raises(UsageError, match="Runs cannot start in the background, because the platform was opened"):
        pipelines.submit(Submission())
    assert not workspace.outputs.exists()


def test_submitted_runs_are_listed_by_their_submission_and_not_by_their_names(workspace: Workspace) -> None:
    pipelines = open_backend("local", workspace, ECHO).pipelines
    assert pipelines is not None
    pipelines.publish("42", "")
    first, second = (pipelines.submit(Submission()).run_id for _ in range(2))
    renamed = (workspace.outputs / first).rename(workspace.outputs / "99999999-000000-retrain-ffffffff").name
    assert [run.run_id for run in pipelines.list_runs(5)] == [second, renamed]


def test_a_log_of_no_step_suggests_the_nearest_one(workspace: Workspace) -> None:
    pipelines = open_backend("local", workspace, ECHO).pipelines
    assert pipelines is not None
    pipelines.publish("42", "")
    run_id = pipelines.submit(Submission()).run_id
    with pytest.raises(StepNotFoundError, match=rf"^Run {run_id} has not begun, so it has no log yet\. Try again"):
        pipelines.read_log(run_id, "train")
    step = StepRecord("train", "02_train")
    record = RunRecord(run_id, "retrain", "local", "running", "2026-01-01T00:00:00Z", "", NO_PROCESS, (step,))
    write_run(record, workspace.outputs)
    with pytest.raises(StepNotFoundError) as raised:
        pipelines.read_log(run_id, "trian")
    assert str(raised.value) == f"Run {run_id} has no step 'trian'. Did you mean 'train'? Its steps: train."
