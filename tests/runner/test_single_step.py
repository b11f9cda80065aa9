"""A submitted run: each step in its own process or on its own machine, which only has the run's folder."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from given_parameters import load_parameters, load_project

from mlops.errors import UsageError
from mlops.pipelines.step import Condition, Decision, Step, Version
from mlops.record.conclusion import Conclusion
from mlops.record.ledger import RunRecord, StepRecord, read_run
from mlops.runner import Listener, Plan, Surroundings, resume_pipeline, run_submitted
from mlops.workspace import Workspace

STEPS = (
    Step("look", "01_look"),
    Step("judge", "02_judge", needs=("look",), decides=Decision(reason="reason")),
    Step(
        "act",
        "03_act",
        needs=("judge",),
        only_if=Condition("judge", "promoted"),
        names_model=Version("model_name", "model_version"),
    ),
    Step("rest", "04_rest", needs=("act",)),
)
NOTEBOOKS = {
    "01_look": "import time\nif wait: time.sleep(3600)\n"
    "assert seen, 'nothing was seen'\nglue_results('01_look', run_folder, seen=seen, tall=True, name='x')",
    "02_judge": "seen = read_results('01_look', run_folder)['seen']\n"
    "glue_results('02_judge', run_folder, promoted=seen > 3, reason=f'{seen} seen')",
    "03_act": "glue_results('03_act', run_folder, model_version=2)",
    "04_rest": "",
}


@dataclass
class FolderJob:
    """A job whose platform is a folder."""

    platform: Path
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    run_id: str = "3f9a51c2-0000"
    conclusion: Conclusion = Conclusion()

    def fetch_folder(self, folder: Path) -> None:
        if self.platform.exists():
            shutil.copytree(self.platform, folder, dirs_exist_ok=True)

    def store_folder(self, folder: Path) -> None:
        shutil.copytree(folder, self.platform, dirs_exist_ok=True)

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        self.metrics.update(metrics)

    def tag(self, tags: Mapping[str, str]) -> None:
        self.tags.update(tags)

    def conclude(self, conclusion: Conclusion) -> None:
        self.conclusion = conclusion


class Interrupter(Listener):
    """A listener that interrupts this process when the work has begun, as a platform does when it cancels a run."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)


RunAt = Callable[..., RunRecord]


@pytest.fixture
def job(tmp_path: Path) -> FolderJob:
    """A submitted run that has not begun."""
    return FolderJob(tmp_path / "platform")


@pytest.fixture
def project_of_four(tmp_path: Path) -> Path:
    """A project of four small notebooks."""
    for name in ("parameters", "notebooks"):
        (tmp_path / name).mkdir()
    (tmp_path / "parameters" / "base.yml").write_text("platform: local\n")
    for name, work in NOTEBOOKS.items():
        own = "seen = 5  # things; in [0, 9]\nwait = False  # True: it hangs\n" if name == "01_look" else ""
        cells = ["from mlops.notebook.handoff import *", own + 'run_folder = ""  # folder of the run', work]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.cells[1].metadata["tags"] = ["parameters"]
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    return tmp_path


@pytest.fixture
def run_at(project_of_four: Path, job: FolderJob) -> RunAt:
    """Runs one step on a new machine."""

    def run(step: str, *overrides: str, listener: Interrupter | None = None) -> RunRecord:
        outputs = project_of_four / "outputs"
        shutil.rmtree(outputs, ignore_errors=True)
        workspace = Workspace(project_of_four, project_of_four / "home", outputs)
        parameters = load_parameters(project_of_four, STEPS, overrides)
        around = Surroundings(load_project(workspace.project, STEPS), [listener] if listener else [])
        return run_submitted(Plan("four", STEPS, parameters, at=step), around, job)

    return run


def states(record: RunRecord) -> list[str]:
    """Return the state of each step."""
    return [step.state for step in record.steps]


def test_each_step_goes_on_where_the_one_before_ended(run_at: RunAt, job: FolderJob) -> None:
    first = run_at("look", "look.seen=7")
    assert (first.state, first.finished, states(first)) == ("waiting", "", ["done", "pending", "pending", "pending"])
    assert first.run_id == job.run_id
    assert states(run_at("judge", "look.seen=7")) == ["done", "done", "pending", "pending"]
    run_at("act")
    last = run_at("rest")
    assert (last.state, last.outcome, states(last)) == ("succeeded", "done", ["done"] * 4)
    assert last.started == first.started <= last.finished
    assert {path.name for path in job.platform.glob("*.ipynb")} == {f"{step.notebook}.ipynb" for step in STEPS}


def test_numbers_are_metrics_and_nothing_else_is(run_at: RunAt, job: FolderJob) -> None:
    run_at("look")
    assert job.metrics == {"seen": 5.0}


def test_a_condition_that_is_false_ends_the_run_at_once_and_what_follows_does_nothing(
    run_at: RunAt, job: FolderJob
) -> None:
    run_at("look", "look.seen=2")
    assert job.conclusion == Conclusion()
    judged = run_at("judge")
    assert (judged.state, states(judged)) == ("succeeded", ["done", "done", "skipped", "skipped"])
    assert job.conclusion.skipped == {"act": "2 seen", "rest": "act was skipped"}
    assert run_at("act") == run_at("rest") == judged
    assert not (job.platform / "03_act.ipynb").exists()


def test_a_failed_notebook_is_stored_and_told(run_at: RunAt, job: FolderJob) -> None:
    record = run_at("look", "look.seen=0")
    assert (record.state, record.outcome, states(record)) == ("failed", "error", ["failed"] + ["skipped"] * 3)
    assert "nothing was seen" in (job.platform / "01_look.ipynb").read_text()
    assert job.conclusion.outcome == "error"
    assert job.conclusion.reason == "look: AssertionError in the cell that begins 'import time': nothing was seen"


def test_a_step_that_ended_badly_runs_again_and_one_that_is_done_does_not(run_at: RunAt, job: FolderJob) -> None:
    run_at("look", "look.seen=0")
    again = run_at("look", "look.seen=6")
    assert (again.state, states(again)) == ("waiting", ["done", "pending", "pending", "pending"])
    assert run_at("look", "look.seen=1") == again  # as on a node that was lost after it had stored the folder


def test_a_machine_that_is_lost_in_a_step_has_changed_nothing(run_at: RunAt, job: FolderJob) -> None:
    run_at("look")
    before = (job.platform / "run.json").read_bytes()
    record = read_run(job.platform)
    assert (record.state, record.step("judge").state) == ("waiting", "pending")  # type: ignore[union-attr]
    assert (job.platform / "run.json").read_bytes() == before


@pytest.mark.usefixtures("interruptible")
def test_a_cancel_is_recorded_and_stored(run_at: RunAt, job: FolderJob) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_at("look", "look.wait=true", listener=Interrupter())
    record = read_run(job.platform)
    assert (record.state, record.outcome, record.steps[0].error) == ("interrupted", "error", "interrupted")
    assert job.conclusion.outcome == "error"


def test_what_cannot_be_run_is_refused(run_at: RunAt, job: FolderJob, project_of_four: Path) -> None:
    with pytest.raises(UsageError, match="The pipeline four has no step 'jugde'. It has: look, judge, act, rest"):
        run_at("jugde")
    with pytest.raises(UsageError, match="judge needs the results of look, but the folder of run 3f9a51c2-0000"):
        run_at("judge")
    assert not job.platform.exists()
    waiting = run_at("look")
    workspace = Workspace(project_of_four, project_of_four / "home", project_of_four / "outputs")
    with pytest.raises(UsageError, match="waits for its next step on local and continues by itself"):
        resume_pipeline(waiting, STEPS, Surroundings(load_project(workspace.project, STEPS)))


def test_a_step_that_the_stored_run_lacks_is_a_usage_error(run_at: RunAt, job: FolderJob) -> None:
    """The folder holds a record by then, which has no such step, either."""
    run_at("look")
    with pytest.raises(UsageError, match="The pipeline four has no step 'jugde'"):
        run_at("jugde")
