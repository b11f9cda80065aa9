"""One step of a submitted run, as a machine of the platform runs it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opened import open_here

from mlops.errors import NotFoundError, UsageError
from mlops.operations.stepping import SubmittedStep, run_submitted_step
from mlops.platform.datasets import NEW_DATA, Arrival
from mlops.platform.submission import Build, Submission
from mlops.record.conclusion import Conclusion
from mlops.record.ledger import read_run
from mlops.workspace import Workspace


class OneJob:
    """A platform that executes this process as a step, and keeps its tags."""

    run_id = "3f9a51c2"

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.conclusion = Conclusion()

    def find_job(self) -> "OneJob":
        """See `Jobs`."""
        return self

    def fetch_folder(self, folder: Path) -> None:
        """See `Job`."""

    def store_folder(self, folder: Path) -> None:
        """See `Job`."""

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """See `Job`."""

    def tag(self, tags: Mapping[str, str]) -> None:
        """See `Job`."""
        self.tags |= tags

    def conclude(self, conclusion: Conclusion) -> None:
        """See `Job`."""
        self.conclusion = conclusion


def step(workspace: Workspace, job: OneJob, submission: Submission) -> Any:
    """Run the data test of a submitted run."""
    opened = open_here(workspace)
    opened = replace(opened, backend=replace(opened.backend, jobs=job))
    return run_submitted_step(opened, SubmittedStep("retrain", "test_data", submission, Build("42")))


def test_outside_of_a_submitted_run_the_way_to_run_a_step_is_said(workspace: Workspace) -> None:
    with pytest.raises(
        UsageError, match="^Only the platform .local. can start `mlops run-step`. .* `mlops run build --only te"
    ):
        run_submitted_step(open_here(workspace), SubmittedStep("build", "test_data", Submission()))


def test_an_error_before_the_run_begins_is_seen_with_the_run(workspace: Workspace) -> None:
    job = OneJob()
    with pytest.raises(NotFoundError):
        step(workspace, job, Submission(dataset_version="9", caller_run_id="7"))
    assert (job.tags, job.conclusion.outcome) == ({"BuildId": "42", "caller_run_id": "7"}, "error")
    assert job.conclusion.reason.startswith("test_data: ")


def test_such_an_error_is_tagged_without_secrets(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    job = OneJob()
    secret = "version '98765'"  # no other test prints it: this process redacts it from now on
    monkeypatch.setenv("MLOPS_SECRET_OF_TESTS", secret)
    with pytest.raises(NotFoundError, match=secret):
        step(workspace, job, Submission(dataset_version="98765"))
    assert "***" in job.conclusion.reason
    assert secret not in job.conclusion.reason


def test_a_step_is_given_what_was_submitted(workspace: Workspace) -> None:
    job, project = OneJob(), open_here(workspace).project
    file = project.workspace.home / "given.csv"
    file.parent.mkdir(parents=True)
    file.write_text("A,B\n1,2\n")
    record = step(workspace, job, Submission(data_file_path=str(file)))
    tested = read_run(workspace.outputs / job.run_id).step("test_data")
    assert tested is not None
    assert (record.state, tested.state, tested.parameters["data_path"]) == ("failed", "failed", str(file))
    assert job.conclusion.outcome == "error"


class Taken:
    """A folder whose newest file another run has taken."""

    def fetch_newest(self, run_id: str) -> Arrival:
        """See `Arrivals`."""
        assert run_id == OneJob.run_id
        return Arrival("incoming/c.csv", taken_by="run-1")


def test_a_run_whose_data_another_one_has_taken_has_nothing_to_do(workspace: Workspace) -> None:
    """Three files that arrive together start three runs on Azure, and one of them trains."""
    job, opened = OneJob(), open_here(workspace)
    opened = replace(opened, backend=replace(opened.backend, jobs=job, arrivals=Taken()))
    for name in ("test_data", "train", "create_image"):
        asked = SubmittedStep("retrain", name, Submission(dataset_version=NEW_DATA))
        record = run_submitted_step(opened, asked)
        said = "Run run-1 already claimed the new data incoming/c.csv."
        assert (record.state, record.outcome) == ("succeeded", "done")
        assert {(step.state, step.reason) for step in record.steps} == {("skipped", said)}
    ended = job.conclusion
    assert (ended.outcome, ended.reason, ended.skipped["train"]) == ("done", said, said)
