"""Submitting the published pipeline, and watching its runs."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from opened import open_here
from tiny_model import track

from mlops.errors import ParameterError, PlatformError, ProblemError, RunNotFoundError, UsageError
from mlops.operations.submitting import (
    SubmissionListener,
    get_run,
    list_runs,
    publish_pipeline,
    require_pipelines,
    require_submitted,
    submit_pipeline,
    watch_run,
)
from mlops.platform.pipelines import Pipelines, SubmittedRun, SubmittedStep
from mlops.platform.submission import Build, Submission
from mlops.record.ledger import RunRecord, StepRecord, write_run
from mlops.record.processes import NO_PROCESS
from mlops.workspace import Workspace

STEPS = (StepRecord("train", "02_train", state="reused"), StepRecord("evaluate", "03_evaluate", state="done"))
RUN = RunRecord(
    "monday", "retrain", "local", "succeeded", "2026-11-22T09:00:00Z", "", NO_PROCESS, STEPS, outcome="done"
)
RUNNING = SubmittedRun("run", "retrain", "1", "running")


class Watch(SubmissionListener):
    """A listener that records the progress of a submitted run."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def run_changed(self, run: SubmittedRun) -> None:
        """See `SubmissionListener`."""
        self.heard.append(run.state)

    def look_failed(self, error: PlatformError) -> None:
        """See `SubmissionListener`."""
        self.heard.append(str(error))


class OftenAway:
    """Pipelines that fail to be read a number of times, and then report the end of the run."""

    def __init__(self, times: int) -> None:
        self.times = times

    def get_run(self, run_id: str) -> SubmittedRun:
        """See `Pipelines`."""
        self.times -= 1
        if self.times >= 0:
            raise PlatformError("busy")
        return SubmittedRun(run_id, "retrain", "1", "succeeded")


class Slow:
    """Pipelines whose run changes at the third poll, and ends at the sixth."""

    def __init__(self) -> None:
        self.looks = 0

    def get_run(self, run_id: str) -> SubmittedRun:
        """See `Pipelines`."""
        self.looks += 1
        steps = (SubmittedStep("train", "running"),) if self.looks >= 3 else ()
        return SubmittedRun(run_id, "retrain", "1", "succeeded" if self.looks > 5 else "running", steps=steps)


def test_a_wait_of_hours_outlives_an_outage_of_minutes() -> None:
    pauses, watch = list[float](), Watch()
    ended = watch_run(cast(Pipelines, OftenAway(20)), RUNNING, watch, pauses.append)
    assert (ended.state, len(pauses)) == ("succeeded", 21)
    assert sum(pauses) > 300
    assert watch.heard == ["running", *["busy"] * 20, "succeeded"]
    with pytest.raises(PlatformError, match="busy"):
        watch_run(cast(Pipelines, OftenAway(99)), RUNNING, watch, pauses.append)


def test_a_run_is_looked_at_less_often_while_nothing_changes() -> None:
    pauses, watch = list[float](), Watch()
    watch_run(cast(Pipelines, Slow()), RUNNING, watch, pauses.append)
    assert pauses == [1.0, 1.5, 2.25, 1.0, 1.5, 2.25]
    assert watch.heard == ["running", "running", "succeeded"]


def test_a_wrong_model_name_is_found_before_anything_is_submitted(workspace: Workspace) -> None:
    opened = open_here(workspace, command=(sys.executable, "-c", ""))
    publish_pipeline(opened, Build("42"))
    with pytest.raises(ParameterError, match='^-p model_name is "a\'b", but it must be'):
        submit_pipeline(opened, Submission(model_name="a'b"))
    assert require_pipelines(opened.backend).list_runs(5) == []


@pytest.mark.parametrize("of", ["other", "diabetes"])
def test_a_champion_that_cannot_be_compared_is_refused(migrated: Workspace, tmp_path: Path, of: str) -> None:
    opened = open_here(migrated)
    version = opened.backend.registry.register(
        "diabetes", track(opened.backend, tmp_path), {"problem": of, "schema": "0" * 16}
    )
    opened.backend.registry.promote("diabetes", version.version, expected="")
    why = {"other": "solves the problem 'other', not 'diabetes'", "diabetes": "was trained on other columns than"}[of]
    replace_it = (
        "To replace it without a comparison, use `mlops run retrain -p evaluate.promote_always=true --reason TEXT`."
    )
    with pytest.raises(ProblemError) as published:
        publish_pipeline(opened, Build("42"))
    with pytest.raises(ProblemError) as submitted:
        submit_pipeline(opened, Submission())
    assert str(published.value).startswith(f"The champion, diabetes version 1, {why}")
    keep_it = f"{replace_it} To keep the champion and register the new model under another name,"
    assert str(published.value).endswith(f"{keep_it} set `shared.model_name` in parameters/base.yml.")
    assert str(submitted.value).endswith(f"{keep_it} add `-p model_name=NAME`.")
    with pytest.raises(UsageError, match="Runs cannot start in the background"):  # the last check
        submit_pipeline(opened, Submission(model_name="new"))


def test_a_version_of_the_data_set_of_another_problem_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    opened = open_here(workspace)
    (tmp_path / "other.csv").write_text("A,Y\n1,2\n")
    datasets = opened.backend.datasets
    version = datasets.register(datasets.stage(tmp_path / "other.csv"))
    for asked in (Submission(), Submission(dataset_version="1")):
        with pytest.raises(ProblemError, match=f"^{version.name} version 1 .* has no column 'AGE' and 9 more columns"):
            submit_pipeline(opened, asked)
    for asked in (Submission(dataset_version="new"), Submission(data_file_path=version.url)):
        with pytest.raises(UsageError, match="Runs cannot start in the background"):  # the last check
            submit_pipeline(opened, asked)


def test_a_caller_that_cannot_start_runs_says_so(workspace: Workspace) -> None:
    opened = open_here(workspace)
    publish_pipeline(opened, Build("42"))
    with pytest.raises(UsageError, match="Runs cannot start in the background"):
        submit_pipeline(opened, Submission())


def test_a_build_without_an_id_gets_a_new_one(workspace: Workspace) -> None:
    assert "-build-" in publish_pipeline(open_here(workspace), Build()).version


def test_the_list_has_the_runs_of_this_machine_newest_first(workspace: Workspace) -> None:
    opened = open_here(workspace)
    assert list_runs(opened, 9) == []
    write_run(replace(RUN, order=1), workspace.outputs)
    set_back = replace(
        RUN, run_id="tuesday", pipeline="sweep", state="failed", outcome="error", error="no rows", order=2
    )
    write_run(replace(set_back, started="2026-11-21T09:00:00Z"), workspace.outputs)
    write_run(replace(RUN, run_id="elsewhere", platform="azure", order=3), workspace.outputs)
    found = list_runs(opened, 9)
    assert [(run.run_id, run.pipeline, run.state, run.outcome) for run in found] == [
        ("tuesday", "sweep", "failed", "error"),  # it is newer, although the clock was set back
        ("monday", "retrain", "succeeded", "done"),
    ]
    assert [run.run_id for run in list_runs(opened, 1)] == ["tuesday"]


def test_a_run_that_cannot_be_read_is_in_the_list(workspace: Workspace) -> None:
    write_run(RUN, workspace.outputs)
    (workspace.outputs / RUN.run_id / "run.json").write_bytes(b"\x80")
    (found,) = list_runs(open_here(workspace), 9)
    assert (found.run_id, found.outcome) == ("monday", "unreadable")
    assert "run.json is damaged" in found.reason


def test_a_run_of_this_machine_is_shown_with_its_steps_but_has_no_log(workspace: Workspace) -> None:
    opened = open_here(workspace)
    write_run(RUN, workspace.outputs)
    found = get_run(opened, "monday")
    assert [(step.name, step.state) for step in found.steps] == [("train", "succeeded"), ("evaluate", "succeeded")]
    with pytest.raises(
        UsageError, match=f"are for submitted runs, but monday was not submitted. .* {workspace.outputs}/monday"
    ):
        require_submitted(opened, "monday")
    with pytest.raises(RunNotFoundError, match="Run friday was not submitted here. `mlops runs` lists the runs."):
        get_run(opened, "friday")
    require_submitted(opened, "friday")
