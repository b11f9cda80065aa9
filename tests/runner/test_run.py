"""The order of steps, and the record of how each ended."""

import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from filelock import FileLock
from given_parameters import load_parameters, load_project

from mlops.errors import PlatformError, RunInterrupted, UsageError
from mlops.execution.pool import CellDone, NotebookEnded, NotebookPool
from mlops.files.hashes import hash_file
from mlops.pipelines.step import Condition, Decision, Deployment, HandedFile, Step, Version
from mlops.record.ledger import FORMAT, RunRecord, StepRecord, list_runs, read_run, write_run
from mlops.record.lineage import describe_notebooks
from mlops.record.steps import Failure
from mlops.runner import Listener, Plan, Serving, Surroundings, resume_pipeline, run_pipeline
from mlops.runner.run import ERROR_LENGTH
from mlops.runner.telemetry_listener import TelemetryListener
from mlops.workspace import Workspace

pytestmark = pytest.mark.usefixtures("in_process")
STEPS = (
    Step("look", "01_look"),
    Step("judge", "02_judge", needs=("look",), decides=Decision(reason="reason")),
    Step("act", "03_act", needs=("judge",), only_if=Condition("judge", "good"), restores="production"),
    Step("rest", "04_rest", needs=("act",)),
)
NOTEBOOKS = {
    "01_look": "glue_results('01_look', run_folder, seen=seen)",
    "02_judge": "glue_results('02_judge', run_folder, good=read_results('01_look', run_folder)['seen'] > 3, "
    "reason='too little was seen', digest='sha256:1')",
    "03_act": "assert not broken, 'it is broken'",
    "04_rest": "glue_results('04_rest', run_folder, rested=True)",
}
PARAMETERS = {"01_look": "seen = 5  # things; in [0, 9]", "03_act": "broken = False  # True: it fails"}


class Watch(Listener):
    """A listener that records its calls."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def step_started(self, step: StepRecord) -> None:
        self.heard.append(f"{step.name} started")

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        self.heard.append(f"{step.name} {done}/{cells}")

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        self.heard.append(f"{step.name} {step.state}")
        return step

    def run_ended(self, run: RunRecord) -> None:
        self.heard.append(f"run {run.state}")


@pytest.fixture(autouse=True)
def _slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every listing of the sources count as recent: an edit must be noticed at the latest when a step ends."""
    monkeypatch.setattr("mlops.record.fingerprints.RECENT", math.inf)


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    """A project of four small notebooks."""
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "base.yml").write_text("platform: local\n")
    (tmp_path / "notebooks").mkdir()
    for name, work in NOTEBOOKS.items():
        declared = "\n".join([PARAMETERS.get(name, ""), 'run_folder = ""  # folder of the run'])
        cells = ["from mlops.notebook.handoff import *", declared, work]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.cells[1].metadata["tags"] = ["parameters"]
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    return Workspace(tmp_path, tmp_path / "home", tmp_path / "outputs")


def surround(small: Workspace, listeners: Sequence[Listener] = (), **options: Any) -> Surroundings:
    """The surroundings of a run of the small project."""
    return Surroundings(load_project(small.project, STEPS), listeners, **options)


def run(small: Workspace, *overrides: str, only: str = "", watch: Watch | None = None) -> RunRecord:
    """Run the four notebooks."""
    parameters = load_parameters(small.project, STEPS, overrides)
    return run_pipeline(
        Plan("four", STEPS, parameters, only),
        surround(small, [watch] if watch else []),
    )


def states(record: RunRecord) -> list[str]:
    """Return the state of each step."""
    return [step.state for step in record.steps]


@pytest.mark.usefixtures("kernels")
def test_steps_run_in_order_and_hand_on(small: Workspace) -> None:
    watch = Watch()
    record = run(small, watch=watch)
    assert (record.state, states(record)) == ("succeeded", ["done"] * 4)
    assert record.result("rested") is True
    assert watch.heard[:3] == ["look started", "look 1/4", "look 2/4"]
    assert watch.heard[-2:] == ["rest done", "run succeeded"]


def test_the_next_steps_are_prepared_while_a_step_runs(small: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[dict[str, str]] = []

    def note(pool: NotebookPool, sources: dict[str, Path]) -> None:
        prepared.append({name: path.name for name, path in sources.items()})

    monkeypatch.setattr(NotebookPool, "prepare", note)
    run(small)
    assert prepared == [{"judge": "02_judge.ipynb"}, {"act": "03_act.ipynb"}, {"rest": "04_rest.ipynb"}, *[{}] * 3]


@pytest.mark.usefixtures("kernels")
def test_a_crash_in_one_step_leaves_the_step_beside_it_alone(small: Workspace) -> None:
    """papermill itself may crash, as on this format; `judge` is executed at the same time."""
    path = small.notebooks / "03_act.ipynb"
    path.write_text(path.read_text().replace('"nbformat": 4,', '"nbformat": 99,'))
    steps = (STEPS[0], replace(STEPS[2], needs=("look",), only_if=()), replace(STEPS[1], needs=("look",)))
    record = run_pipeline(Plan("three", steps, load_parameters(small.project, steps)), surround(small))
    assert (record.state, record.outcome) == ("failed", "error")
    assert [(step.name, step.state) for step in record.steps] == [
        ("look", "done"),
        ("act", "failed"),
        ("judge", "done"),
    ]
    assert record.steps[1].error.startswith("NBFormatError: Unsupported nbformat version 99")
    assert (record.failure.step, record.failure.kind) == ("act", "NBFormatError")  # type: ignore[union-attr]


@pytest.mark.usefixtures("kernels")
def test_a_crash_of_the_run_fails_no_step(small: Workspace) -> None:
    class Broken(Listener):
        """A listener that crashes while the first step runs."""

        def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
            raise RuntimeError("of the listener")

    with pytest.raises(RuntimeError, match="of the listener"):
        run_pipeline(Plan("four", STEPS, load_parameters(small.project, STEPS)), surround(small, [Broken()]))
    (record,) = list_runs(small.outputs)
    assert (record.state, record.error, states(record)) == ("failed", "RuntimeError: of the listener", ["pending"] * 4)
    assert record.steps[0].reason == "interrupted when the run ended"
    assert resume_pipeline(record, STEPS, surround(small)).state == "succeeded"


def test_the_record_on_disk_is_the_record(small: Workspace) -> None:
    record = run(small, "look.seen=1")
    assert read_run(small.outputs / record.run_id) == record
    assert record.step("look").parameters["seen"] == 1  # type: ignore[union-attr]


def test_a_step_whose_condition_is_false_is_skipped_with_the_reason(small: Workspace) -> None:
    record = run(small, "look.seen=2")
    assert (record.state, states(record)) == ("succeeded", ["done", "done", "skipped", "skipped"])
    assert [step.reason for step in record.steps[2:]] == ["too little was seen", "act was skipped"]


@pytest.mark.usefixtures("kernels")
def test_a_failed_step_ends_the_run_and_restores(small: Workspace) -> None:
    restored: list[tuple[str, str, str]] = []
    parameters = load_parameters(small.project, STEPS, ["act.broken=true"])
    steps = (STEPS[0], replace(STEPS[1], environment="production", deploys=Deployment(digest="digest")), *STEPS[2:])
    record = run_pipeline(
        Plan("four", steps, parameters),
        surround(small, restore=lambda *what: restored.append(what)),
    )
    assert (record.state, record.outcome, states(record)) == ("failed", "error", ["done", "done", "failed", "skipped"])
    cell = "assert not broken, 'it is broken'"
    assert record.steps[2].error == f"AssertionError in the cell that begins {cell!r}: it is broken"
    assert (record.steps[2].cell, record.steps[2].line) == (cell, 1)
    assert record.steps[2].error_kind == "AssertionError"
    assert restored == [("production", "sha256:1", "interrupted")]
    assert record.error == record.steps[2].error
    assert record.failure == Failure("AssertionError", "act", "03_act", "", cell, 1)


@pytest.mark.usefixtures("kernels")
def test_a_result_that_cannot_be_read_is_a_red_step(small: Workspace) -> None:
    path = small.notebooks / "02_judge.ipynb"
    notebook = nbformat.read(path, as_version=4)
    odd = "display({'application/scrapbook.scrap.json+json': {'x': 1}}, raw=True)"
    notebook.cells[2].source = f"from IPython.display import display; {odd}"
    nbformat.write(notebook, path)
    record = run(small)
    assert (record.state, states(record)) == ("failed", ["done", "failed", "skipped", "skipped"])
    assert "Store results with glue_results" in record.steps[1].error


@pytest.mark.usefixtures("kernels")
def test_an_error_is_redacted_before_it_is_cut(small: Workspace) -> None:
    path = small.notebooks / "01_look.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].source = f"raise ValueError('x' * {ERROR_LENGTH - 110} + 's3' + 'cr3t' * 9)"
    nbformat.write(notebook, path)
    around = surround(small, secrets=lambda: ["s3" + "cr3t" * 9])
    record = run_pipeline(Plan("four", STEPS, load_parameters(small.project, STEPS)), around)
    assert record.steps[0].error.endswith("xxx***")
    assert "s3cr3t" not in "".join(file.read_text() for file in (small.outputs / record.run_id).iterdir())


@pytest.mark.parametrize(
    ("error", "ending"),
    [("ServiceUntestedError", "unanswered"), ("ServiceTestFailed", "failed"), ("PlatformError", "interrupted")],
)
def test_only_a_failed_check_is_reported_as_a_failed_test(small: Workspace, error: str, ending: str) -> None:
    path = small.notebooks / "03_act.ipynb"
    text = path.read_text().replace("assert not broken, 'it is broken'", f"raise {error}('no answer')")
    path.write_text(text.replace("from mlops.notebook", "from mlops.errors import *\\nfrom mlops.notebook"))
    restored: list[tuple[str, str, str]] = []
    steps = (STEPS[0], replace(STEPS[1], environment="production", deploys=Deployment(digest="digest")), *STEPS[2:])
    plan = Plan("four", steps, load_parameters(small.project, STEPS))
    record = run_pipeline(plan, surround(small, restore=lambda *what: restored.append(what)))
    assert (record.outcome, record.steps[2].error_kind) == ("error", error)
    assert restored == [("production", "sha256:1", ending)]


def test_a_step_that_refuses_ends_the_run_as_rejected(small: Workspace) -> None:
    steps = (STEPS[0], replace(STEPS[1], refuses="reason"), *STEPS[2:])
    parameters = load_parameters(small.project, steps)
    record = run_pipeline(Plan("four", steps, parameters), surround(small))
    assert (record.state, record.outcome, states(record)) == (
        "succeeded",
        "rejected",
        ["done", "done", *["skipped"] * 2],
    )
    assert {step.reason for step in record.steps[2:]} == {"too little was seen"}
    for only in ("act", "rest"):  # each step is a run of its own, as in Azure Pipelines
        record = run_pipeline(Plan("four", steps, parameters, only), surround(small))
        found = record.get_step(only)
        assert (record.state, record.outcome) == ("succeeded", "rejected")
        assert (found.state, found.reason) == ("skipped", "too little was seen")


def test_a_test_alone_concerns_the_deployment_that_the_environment_has_now(small: Workspace) -> None:
    """Not one that was rolled back, and not one that an earlier release refused: that release has ended."""
    path = small.notebooks / "02_judge.ipynb"
    seen_now = "read_results('01_look', run_folder)['seen']"
    text = path.read_text().replace("reason='too", f"reason='' if {seen_now} > 3 else 'too")
    path.write_text(text.replace("'sha256:1'", f"str({seen_now})"))
    judge = Step("judge", "02_judge", ("look",), "production", refuses="reason", deploys=Deployment(digest="digest"))
    steps = (STEPS[0], judge, replace(STEPS[2], environment="production", only_if=(), releases=True), STEPS[3])
    serves = "5"
    asked: list[str] = []

    def find_deployed(environment: str) -> str:
        asked.append(environment)
        return serves

    def run_here(seen: int, only: str = "") -> RunRecord:
        parameters = load_parameters(small.project, steps, [] if only == "act" else [f"look.seen={seen}"])
        return run_pipeline(Plan("four", steps, parameters, only), surround(small, find_deployed=find_deployed))

    first, second, refused = (run_here(seen) for seen in (5, 6, 2))
    assert [record.outcome for record in (first, second, refused)] == ["released", "released", "rejected"]
    tested = run_here(2, "act")
    assert (tested.outcome, tested.steps[1].source, tested.steps[2].state) == ("done", first.run_id, "done")
    assert asked == ["production"]  # once, although two runs deployed
    serves = "6"
    assert run_here(2, "act").steps[1].source == second.run_id
    serves = "7"  # deployed from elsewhere, so that the test itself finds that the newest deployment was replaced
    assert (run_here(2, "act").steps[1].source, serves) == (second.run_id, "7")
    assert run_here(2, "judge").outcome == "rejected"  # one step of a release that continues, as in Azure Pipelines
    assert run_here(2, "act").steps[2].reason == "too little was seen"


@pytest.mark.parametrize(("seen", "outcome"), [(5, "promoted"), (2, "rejected")])
def test_a_step_of_any_name_decides_the_outcome(small: Workspace, seen: int, outcome: str) -> None:
    steps = (
        STEPS[0],
        replace(STEPS[1], decides=Decision("good", "reason")),
        STEPS[2],
        replace(STEPS[3], releases=True),
    )
    parameters = load_parameters(small.project, steps, [f"look.seen={seen}"])
    assert run_pipeline(Plan("four", steps, parameters), surround(small)).outcome == outcome


def test_a_step_of_any_name_completes_a_release(small: Workspace) -> None:
    steps = (*STEPS[:3], replace(STEPS[3], releases=True))
    parameters = load_parameters(small.project, steps)
    assert run_pipeline(Plan("four", steps, parameters), surround(small)).outcome == "released"
    parameters = load_parameters(small.project, steps, ["look.seen=2"])  # the release is skipped
    assert run_pipeline(Plan("four", steps, parameters), surround(small)).outcome == "done"


def test_one_step_alone_takes_over_earlier_results(small: Workspace) -> None:
    first = run(small, "look.seen=7")
    record = run(small, only="judge")
    assert states(record) == ["reused", "done", "skipped", "skipped"]
    assert record.steps[0].reason == f"from run {first.run_id}"
    assert record.steps[1].results["good"] is True


def test_one_step_alone_takes_results_of_the_run_it_names(small: Workspace) -> None:
    first, newer = run(small, "look.seen=1"), run(small, "look.seen=5")
    plan = Plan("four", STEPS, load_parameters(small.project, STEPS), "judge", source=first.run_id)
    record = run_pipeline(plan, surround(small))
    assert (record.steps[0].source, record.result("good")) == (first.run_id, False)
    plan = replace(plan, only="act", source=newer.run_id)
    assert run_pipeline(plan, surround(small)).steps[1].source == newer.run_id
    write_run(replace(newer, run_id="other", steps=newer.steps[:1]), small.outputs)
    with pytest.raises(UsageError, match=r"needs the results of judge, but run other has none. Name another run with"):
        run_pipeline(replace(plan, source="other"), surround(small))


def test_one_step_alone_does_not_build_on_a_sweep_unasked(small: Workspace) -> None:
    first, swept = run(small, "look.seen=1"), run(small, "look.seen=5")
    write_run(replace(swept, pipeline="sweep"), small.outputs)
    assert run(small, only="judge").steps[0].source == first.run_id
    for folder in {first.run_id, *(found.run_id for found in list_runs(small.outputs))} - {swept.run_id}:
        shutil.rmtree(small.outputs / folder)
    with pytest.raises(UsageError, match=f"judge needs the results of look, but only sweeps .*--from {swept.run_id}"):
        run(small, only="judge")


def test_one_step_alone_uses_no_results_of_another_problem(small: Workspace) -> None:
    first, other = run(small, "look.seen=1"), run(small, "look.seen=5")
    write_run(replace(other, settings=replace(other.settings, problem="churn")), small.outputs)
    (small.parameters / "base.yml").write_text("platform: local\nproblem: flowers\n")
    assert run(small, only="judge").steps[0].source == first.run_id  # a record without a problem is an old one
    plan = Plan("four", STEPS, load_parameters(small.project, STEPS), "judge", source=other.run_id)
    with pytest.raises(UsageError) as raised:
        run_pipeline(plan, surround(small))
    assert str(raised.value) == (
        f"--from {other.run_id}: The run was made for the problem 'churn', but parameters/base.yml sets the problem "
        "'flowers'. Name another run, or omit --from."
    )
    for folder in {found.run_id for found in list_runs(small.outputs)} - {other.run_id}:
        shutil.rmtree(small.outputs / folder)
    with pytest.raises(UsageError, match="--only judge needs the results of look, but no run has them"):
        run(small, only="judge")


def test_the_newest_results_are_those_of_the_run_that_started_last(small: Workspace) -> None:
    """A run with a given name does not stay the newest because its name sorts last."""
    monday = run_pipeline(
        Plan("four", STEPS, load_parameters(small.project, STEPS, ["look.seen=1"])), surround(small), "monday"
    )
    newer = run(small, "look.seen=5")
    assert [found.run_id for found in list_runs(small.outputs)] == [newer.run_id, monday.run_id]
    assert run(small, only="judge").steps[0].source == newer.run_id


@pytest.mark.parametrize("content", [b"", b"\x80", b"[]", b'{"cells": [1]}', None])
def test_a_damaged_notebook_is_not_taken_over(small: Workspace, content: bytes | None) -> None:
    first = run(small)
    copy = small.outputs / first.run_id / "01_look.ipynb"
    copy.unlink() if content is None else copy.write_bytes(content)
    with pytest.raises(UsageError, match=f"its notebook in run {first.run_id} is missing or damaged. Run look again"):
        run(small, only="judge")
    assert states(run(small)) == ["done", "reused", "reused", "reused"]


def test_one_step_alone_needs_earlier_results(small: Workspace) -> None:
    with pytest.raises(UsageError, match="--only judge needs the results of look, but no run has them. Run `mlops run"):
        run(small, only="judge")
    with pytest.raises(
        UsageError, match=r"--only jugde: there is no such step in four. Did you mean 'judge'\? Its steps: look, judge"
    ):
        run(small, only="jugde")
    assert list_runs(small.outputs) == []


def test_one_step_alone_does_not_mix_results_of_different_runs(small: Workspace) -> None:
    """A step acts on the evaluation that was made: a newer champion needs a new evaluation first."""
    run(small, "look.seen=5")
    newer = run(small, "look.seen=1", only="look")
    steps = (*STEPS[:2], Step("act", "03_act", needs=("look", "judge")))
    plan = Plan("four", steps, load_parameters(small.project, STEPS), "act")
    with pytest.raises(
        UsageError, match=f"look ran again in {newer.run_id} after judge used its results. Run judge again"
    ):
        run_pipeline(plan, surround(small))
    run(small, only="judge")
    assert states(run_pipeline(plan, surround(small))) == ["reused", "reused", "done"]


class Insights:
    """Telemetry that stores the runs that it gets."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []

    def record_run(self, run: RunRecord) -> None:
        self.runs.append(run)


def test_monitoring_is_told_of_a_run_once_it_has_ended_and_of_no_secret(small: Workspace) -> None:
    insights = Insights()
    parameters = load_parameters(small.project, STEPS)
    told = replace(parameters, values={**parameters.values, "look": {"seen": 5, "extra": "https://long-secret@host"}})
    around = Surroundings(
        load_project(small.project, STEPS), [TelemetryListener(insights)], secrets=lambda: ["long-secret"]
    )
    record = run_pipeline(Plan("one", STEPS[:1], told), around)
    assert insights.runs == [record]
    assert (record.state, record.finished != "") == ("succeeded", True)
    assert "https://***@host" in str(record)
    assert "long-secret" not in str(insights.runs)


def test_a_secret_is_in_nothing_that_is_written(small: Workspace) -> None:
    secret = 'p"w\\x-long'
    steps = STEPS[:1]
    parameters = load_parameters(small.project, STEPS)
    told = replace(parameters, values={**parameters.values, "look": {"seen": 5, "extra": f"https://{secret}@host"}})
    record = run_pipeline(Plan("one", steps, told), surround(small, secrets=lambda: [secret]))
    assert record.steps[0].parameters["extra"] == "https://***@host"
    for path in (small.outputs / record.run_id).iterdir():
        assert secret not in path.read_text(), path
        assert "x-long" not in path.read_text(), path  # in each of its escaped forms


def test_a_listener_that_fails_leaves_a_truthful_record(small: Workspace) -> None:
    class Broken(Watch):
        def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
            raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        run(small, watch=Broken())
    (record,) = list_runs(small.outputs)
    assert (record.state, record.error) == ("failed", "RuntimeError: no space left")
    assert record.steps[0].state == "done"  # its record exists, and it can be resumed


def test_what_has_not_changed_is_not_run_again(small: Workspace) -> None:
    first = run(small)
    watch = Watch()
    second = run(small, watch=watch)
    assert states(second) == ["reused"] * 4
    assert {step.reason for step in second.steps} == {f"unchanged since run {first.run_id}"}
    assert [step.results for step in second.steps] == [step.results for step in first.steps]
    assert watch.heard == [*(f"{step.name} reused" for step in STEPS), "run succeeded"]
    third = run(small)
    assert {step.source for step in third.steps} == {first.run_id}  # not the second run, which executed nothing
    assert (small.outputs / third.run_id / "01_look.ipynb").is_file()


def change_a_notebook(small: Workspace) -> None:
    path = small.notebooks / "02_judge.ipynb"
    path.write_text(path.read_text().replace("> 3", "> 4"))


def change_the_outputs_of_a_notebook(small: Workspace) -> None:
    path = small.notebooks / "02_judge.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="seen in Lab")]
    nbformat.write(notebook, path)


def change_the_sources(small: Workspace) -> None:
    (small.project / "src").mkdir()
    (small.project / "src" / "module.py").write_text("x = 1\n")


def change_the_lock(small: Workspace) -> None:
    (small.project / "requirements.lock").write_text("numpy==2\n")


def take_away_the_home(small: Workspace) -> None:
    shutil.rmtree(small.home)


def take_away_an_executed_notebook(small: Workspace) -> None:
    for path in small.outputs.glob("*/02_judge.ipynb"):
        path.unlink()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # It hands on the same results, so the rest is unchanged.
        (change_a_notebook, ["reused", "done", "reused", "reused"]),
        (change_the_outputs_of_a_notebook, ["reused"] * 4),
        (change_the_sources, ["done"] * 4),
        (change_the_lock, ["done"] * 4),
        (take_away_the_home, ["done"] * 4),
        (take_away_an_executed_notebook, ["reused", "done", "reused", "reused"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_change_makes_run_again(
    small: Workspace, change: Callable[[Workspace], None], expected: list[str]
) -> None:
    run(small)
    change(small)
    assert states(run(small)) == expected


def test_another_parameter_makes_it_run_again_and_what_builds_on_it(small: Workspace) -> None:
    run(small, "look.seen=5")
    assert states(run(small, "look.seen=6")) == ["done", "done", "reused", "reused"]
    assert states(run(small, "look.seen=5")) == ["reused"] * 4  # results of an older run can be chosen, too


def test_force_runs_all(small: Workspace) -> None:
    run(small)
    plan = Plan("four", STEPS, load_parameters(small.project, STEPS), force=True)
    assert states(run_pipeline(plan, surround(small))) == ["done"] * 4


def test_a_file_that_changed_makes_it_run_again(small: Workspace) -> None:
    """The content of a file matters, not its name. A step whose file cannot be hashed here always runs."""
    data = small.project / "data.csv"
    data.write_text("1")
    step = Step("look", "01_look", files=("path",))
    parameters = load_parameters(small.project, STEPS)

    def look(path: str) -> str:
        told = replace(parameters, values={**parameters.values, "look": {"path": path}})
        return run_pipeline(Plan("one", [step], told), surround(small)).steps[0].state

    assert [look(str(data)), look(str(data))] == ["done", "reused"]
    data.write_text("2")
    assert [look(str(data)), look(str(data))] == ["done", "reused"]
    assert [look("https://host/data.csv"), look("https://host/data.csv")] == ["done", "done"]


def test_a_file_that_was_handed_on_and_changed_makes_it_run_again(small: Workspace) -> None:
    notebook = nbformat.read(small.notebooks / "01_look.ipynb", as_version=4)
    data = small.project / "made.csv"
    notebook.cells[2].source = (
        "from pathlib import Path\nfrom mlops.files.hashes import hash_file\n"
        f"data = Path({str(data)!r}); data.write_text('1')\n"
        "glue_results('01_look', run_folder, seen=seen, table=str(data), content=hash_file(data))"
    )
    nbformat.write(notebook, small.notebooks / "01_look.ipynb")
    step = Step("look", "01_look", hands_on=(HandedFile("table", "content"),))
    plan = Plan("one", [step], load_parameters(small.project, STEPS))

    def look() -> str:
        return run_pipeline(plan, surround(small)).steps[0].state

    assert [look(), look()] == ["done", "reused"]
    data.write_text("2")
    assert look() == "done"
    data.unlink()
    assert look() == "done"


def test_what_a_step_watches_makes_it_run_again(small: Workspace) -> None:
    steps = (STEPS[0], replace(STEPS[1], watches=("champion",)))
    plan = Plan("two", steps, load_parameters(small.project, STEPS))
    champions = {"now": "1"}
    around = surround(small, observe=lambda name: f"{name} {champions['now']}")
    assert states(run_pipeline(plan, around)) == ["done", "done"]
    assert states(run_pipeline(plan, around)) == ["reused", "reused"]
    champions["now"] = "2"
    assert states(run_pipeline(plan, around)) == ["reused", "done"]


def test_a_step_with_effects_runs_each_time(small: Workspace) -> None:
    plan = Plan("one", [replace(STEPS[0], effects=True)], load_parameters(small.project, STEPS))
    assert [states(run_pipeline(plan, surround(small))) for _ in range(2)] == [
        ["done"],
        ["done"],
    ]


def test_sources_that_change_while_a_step_runs_spoil_its_reuse(small: Workspace) -> None:
    class Editor(Watch):
        def step_started(self, step: StepRecord) -> None:
            (small.project / "src").mkdir(exist_ok=True)
            (small.project / "src" / "module.py").write_text(f"x = {time.time()}\n")

    plan = Plan("one", STEPS[:1], load_parameters(small.project, STEPS))
    assert states(run_pipeline(plan, surround(small, [Editor()]))) == ["done"]
    assert states(run_pipeline(plan, surround(small))) == ["done"]
    assert states(run_pipeline(plan, surround(small))) == ["reused"]


@pytest.mark.usefixtures("kernels")
def test_a_notebook_that_is_damaged_while_a_run_is_in_progress_fails_its_step(small: Workspace) -> None:
    class Editor(Watch):
        def step_started(self, step: StepRecord) -> None:
            damaged = small.project / "damaged.ipynb"
            damaged.write_text("{")
            damaged.replace(small.notebooks / "02_judge.ipynb")  # at once, because the step may be reading it

    record = run_pipeline(Plan("four", STEPS, load_parameters(small.project, STEPS)), surround(small, [Editor()]))
    assert (record.state, states(record)) == ("failed", ["done", "failed", "skipped", "skipped"])
    said = f"{small.notebooks / '02_judge.ipynb'} cannot be read as a notebook: Expecting property name"
    assert record.steps[1].error.startswith(said)
    assert record.steps[1].error.endswith(". Restore it and resume the run.")


@pytest.mark.usefixtures("kernels")
def test_steps_whose_needs_are_met_run_side_by_side(small: Workspace) -> None:
    """Each step waits for the other, so neither ends unless both run at the same time."""
    for name, other in (("01_look", "02_judge"), ("02_judge", "01_look")):
        notebook = nbformat.read(small.notebooks / f"{name}.ipynb", as_version=4)
        notebook.cells[2].source = (
            "import time\nfrom pathlib import Path\n"
            f"Path({str(small.project)!r}, '{name}').touch()\n"
            f"while not Path({str(small.project)!r}, '{other}').exists(): time.sleep(0.01)"
        )
        nbformat.write(notebook, small.notebooks / f"{name}.ipynb")
    steps = (Step("look", "01_look"), Step("judge", "02_judge"), Step("rest", "04_rest", needs=("look", "judge")))
    parameters = load_parameters(small.project, STEPS)
    record = run_pipeline(Plan("three", steps, parameters, jobs=2), surround(small))
    assert states(record) == ["done"] * 3
    assert record.steps[2].started >= record.steps[0].started


def test_the_steps_after_all_that_ended_start_before_a_report_is_written(
    small: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of two steps that ended together had its report written before the next step of the other one started."""
    wait, early = NotebookPool.wait, list[CellDone | NotebookEnded]()

    def wait_for_both(pool: NotebookPool) -> CellDone | NotebookEnded:
        if not early:
            while sum(isinstance(event, NotebookEnded) for event in early) < 2:
                early.append(wait(pool))
            for event in early:
                pool._events.put(event)
        return wait(pool)

    monkeypatch.setattr(NotebookPool, "wait", wait_for_both)
    steps = (
        Step("look", "01_look"),
        Step("rest", "04_rest"),
        Step("act", "03_act", needs=("look",)),
        Step("judge", "02_judge", needs=("rest",)),
    )
    watch = Watch()
    plan = Plan("four", steps, load_parameters(small.project, steps), jobs=4)
    run_pipeline(plan, Surroundings(load_project(small.project, steps), [watch]))
    begun = max(watch.heard.index("act started"), watch.heard.index("judge started"))
    assert begun < min(watch.heard.index("look done"), watch.heard.index("rest done"))


def test_no_more_run_at_a_time_than_jobs(small: Workspace) -> None:
    watch = Watch()
    steps = (Step("look", "01_look"), Step("rest", "04_rest"))
    plan = Plan("two", steps, load_parameters(small.project, STEPS), jobs=1)
    run_pipeline(plan, surround(small, [watch]))
    assert [heard for heard in watch.heard if "/" not in heard][:3] == ["look started", "rest started", "look done"]
    assert watch.heard.index("rest started") > watch.heard.index("look 4/4")


def test_a_failed_run_is_resumed_where_it_failed(small: Workspace) -> None:
    first = run(small, "act.broken=true", "look.seen=7")
    notebook = small.notebooks / "03_act.ipynb"
    notebook.write_text(notebook.read_text().replace("assert not broken", "assert broken"))
    watch = Watch()
    resumed = resume_pipeline(read_run(small.outputs / first.run_id), STEPS, surround(small, [watch]))
    assert (resumed.run_id, resumed.state, states(resumed)) == (first.run_id, "succeeded", ["done"] * 4)
    assert [heard for heard in watch.heard if "started" in heard] == ["act started", "rest started"]
    assert resumed.step("look").parameters["seen"] == 7  # type: ignore[union-attr]
    assert resumed.steps[:2] == first.steps[:2]
    assert len(list_runs(small.outputs)) == 1


def test_one_step_alone_is_resumed_with_the_results_that_it_took(small: Workspace) -> None:
    """The steps before those results were not requested, so they have none; the step must run all the same."""
    run(small)
    failed = run(small, "act.broken=true", only="act")
    notebook = small.notebooks / "03_act.ipynb"
    notebook.write_text(notebook.read_text().replace("assert not broken", "assert broken"))
    resumed = resume_pipeline(failed, STEPS, surround(small))
    assert states(resumed) == ["skipped", "reused", "done", "skipped"]
    assert (resumed.state, resumed.outcome) == ("succeeded", "done")
    (small.outputs / failed.run_id / "02_judge.ipynb").unlink()
    with pytest.raises(UsageError, match="needs the results of judge, but its notebook in run .* is missing"):
        resume_pipeline(failed, STEPS, surround(small))


def test_one_step_alone_that_was_overtaken_is_refused_again(small: Workspace) -> None:
    """Its comparison was not requested, so `resume` must not repeat it; and it must not skip the step and end green."""
    steps = (STEPS[0], replace(STEPS[1], watches=("champion",)), *STEPS[2:])
    run(small)
    notebook = small.notebooks / "03_act.ipynb"
    error = "class ConflictError(Exception): pass\\nif broken: raise ConflictError('another champion')"
    notebook.write_text(notebook.read_text().replace("assert not broken, 'it is broken'", error))
    failed = run(small, "act.broken=true", only="act")
    resumed = resume_pipeline(failed, steps, surround(small))
    assert (resumed.state, states(resumed)) == ("failed", ["skipped", "reused", "failed", "skipped"])


def test_a_resumed_run_says_on_which_commit_and_with_which_notebook_each_step_ran(
    small: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_GIT_COMMIT", "first")
    hashes = {path.stem: hash_file(path) for path in small.notebooks.glob("*.ipynb")}
    failed = run(small, "act.broken=true")
    monkeypatch.setenv("MLOPS_GIT_COMMIT", "second")
    for notebook in small.notebooks.glob("*.ipynb"):
        notebook.write_text(notebook.read_text().replace("assert not broken", "assert broken") + "\n")
    resumed = resume_pipeline(read_run(small.outputs / failed.run_id), STEPS, surround(small))
    assert [step.git_commit for step in resumed.steps] == ["first", "first", "second", "second"]
    assert [step.notebook_sha256 == hashes[step.notebook] for step in resumed.steps] == [True, True, False, False]
    told = describe_notebooks(small, list(hashes), str(small.outputs / resumed.run_id))
    assert told == {f"notebooks/{step.notebook}.ipynb": step.notebook_sha256 for step in resumed.steps}
    unknown = str(small.outputs / "none")
    assert describe_notebooks(small, ["01_look"], unknown) == describe_notebooks(small, ["01_look"])
    reused = run(small).steps[0]
    assert (reused.state, reused.git_commit) == ("reused", "first")


def test_a_step_whose_notebook_is_gone_runs_again_on_resume_and_what_builds_on_it(small: Workspace) -> None:
    first = run(small, "act.broken=true")
    (small.outputs / first.run_id / "01_look.ipynb").unlink()
    watch = Watch()
    resume_pipeline(first, STEPS, surround(small, [watch]))
    assert [heard for heard in watch.heard if "started" in heard] == ["look started", "judge started", "act started"]


def test_a_run_that_succeeded_or_runs_is_not_resumed(small: Workspace) -> None:
    done = run(small)
    with pytest.raises(UsageError, match=f"Run {done.run_id} succeeded, so there is nothing to resume"):
        resume_pipeline(done, STEPS, surround(small))
    failed = run(small, "act.broken=true")
    with (
        FileLock(small.outputs / failed.run_id / ".lock"),
        pytest.raises(UsageError, match=f"Run {failed.run_id} is already running"),
        ThreadPoolExecutor(1) as elsewhere,
    ):
        elsewhere.submit(resume_pipeline, failed, STEPS, surround(small)).result()


def test_a_run_of_a_newer_version_is_neither_resumed_nor_run_again(small: Workspace) -> None:
    record = run(small, "act.broken=true")
    path = small.outputs / record.run_id / "run.json"
    path.write_text(path.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}'))
    kept = path.read_bytes()
    newer = next(found for found in list_runs(small.outputs) if found.state == "newer")
    with pytest.raises(
        UsageError, match=f"cannot be resumed here: its record was written by a newer version in format {FORMAT + 1}; "
    ):
        resume_pipeline(newer, STEPS, surround(small))
    with pytest.raises(UsageError, match=f"Run {record.run_id} exists already"):
        run_pipeline(Plan("four", STEPS, load_parameters(small.project, STEPS)), surround(small), record.run_id)
    assert path.read_bytes() == kept


@pytest.mark.usefixtures("interruptible", "kernels")
def test_an_interrupt_leaves_a_run_that_can_be_resumed(small: Workspace) -> None:
    marker = small.project / "running"
    notebook = nbformat.read(small.notebooks / "02_judge.ipynb", as_version=4)
    work = notebook.cells[2].source
    wait = f"import time; from pathlib import Path; marker = Path({str(marker)!r})\nif not marker.exists():\n"
    notebook.cells[2].source = f"{wait}    marker.touch(); time.sleep(3600)\n{work}"
    nbformat.write(notebook, small.notebooks / "02_judge.ipynb")

    def interrupt() -> None:
        while not marker.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(RunInterrupted) as interrupted:
        run(small)
    (record,) = list_runs(small.outputs)
    assert interrupted.value.run_id == record.run_id
    assert (record.state, states(record)) == ("interrupted", ["done", "failed", "pending", "pending"])
    assert record.steps[1].error == "interrupted"
    assert states(resume_pipeline(record, STEPS, surround(small))) == ["done"] * 4


def refuse(*what: object) -> None:
    """Restore nothing, because the platform is unavailable."""
    raise PlatformError("Azure did not answer.")


def interrupt(*what: object) -> None:
    """Restore nothing, because a person pressed Ctrl-C again."""
    raise KeyboardInterrupt


LEFT = (
    "The previous service could not be restored, so production may still serve tiny version 2, which has not passed "
    "its test. Azure did not answer."
)
DEPLOYING = (
    STEPS[0],
    replace(
        STEPS[1],
        environment="production",
        deploys=Deployment(digest="digest"),
        names_model=Version("model_name", "model_version"),
    ),
    *STEPS[2:],
)


@pytest.fixture
def deploying(small: Workspace) -> Workspace:
    """The small project, whose second step deploys a model in production, which the third step tests."""
    path = small.notebooks / "02_judge.ipynb"
    named = path.read_text().replace("digest='sha256:1'", "digest='sha256:1', model_name='tiny', model_version=2")
    path.write_text(named)
    return small


def test_after_an_interrupt_the_service_that_could_not_be_restored_is_named(deploying: Workspace) -> None:
    class Impatient(Watch):
        def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
            if step.name == "act":
                raise KeyboardInterrupt

    impatient = Impatient()
    around = surround(deploying, [impatient], restore=refuse)
    with pytest.raises(RunInterrupted) as interrupted:
        run_pipeline(Plan("four", DEPLOYING, load_parameters(deploying.project, DEPLOYING)), around)
    assert interrupted.value.problem == LEFT
    (record,) = list_runs(deploying.outputs)
    assert (record.state, record.error, record.steps[2].ending) == (
        "interrupted",
        f"interrupted. {LEFT}",
        "interrupted",
    )
    assert impatient.heard[-1] == "run interrupted"
    assert states(resume_pipeline(record, DEPLOYING, surround(deploying))) == ["done"] * 4


@pytest.mark.parametrize("serving", ["tiny version 2, which is healthy", ""])
def test_a_second_interrupt_while_a_service_is_restored_is_recorded(deploying: Workspace, serving: str) -> None:
    """Otherwise, the run would be read as lost, and nothing would say what production serves."""

    class Impatient(Watch):
        def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
            if step.name == "act":
                raise KeyboardInterrupt

    def find_serving(environment: str) -> Serving:
        if not serving:
            raise KeyboardInterrupt  # the third one
        return Serving(serving)

    around = surround(deploying, [Impatient()], restore=interrupt, find_serving=find_serving)
    with pytest.raises(RunInterrupted) as interrupted:
        run_pipeline(Plan("four", DEPLOYING, load_parameters(deploying.project, DEPLOYING)), around)
    now = f"production serves {serving}" if serving else "production may serve tiny version 2 untested"
    left = f"Restoring production was interrupted, and {now}."
    assert (interrupted.value.problem, interrupted.value.resumable) == (left, True)
    (record,) = list_runs(deploying.outputs)
    repair = f"`mlops resume {record.run_id}` deploys and tests tiny version 2 again."
    assert (record.state, record.error) == ("interrupted", f"interrupted. {left} {repair}")
    assert (record.steps[2].ending, record.steps[2].error) == ("interrupted", record.error)


def test_an_interrupt_of_a_repeated_test_undoes_no_release_that_was_completed(deploying: Workspace) -> None:
    class Impatient(Watch):
        def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
            raise KeyboardInterrupt

    judge, act = DEPLOYING[1], replace(DEPLOYING[2], environment="production", only_if=())
    steps = (DEPLOYING[0], judge, act, DEPLOYING[3])
    parameters = load_parameters(deploying.project, steps)
    for only in ("", "judge"):  # a release, then a deployment whose test is outstanding
        run_pipeline(Plan("four", steps, parameters, only), surround(deploying))
        restored: list[tuple[object, ...]] = []
        around = surround(deploying, [Impatient()], restore=lambda *what, into=restored: into.append(what))
        with pytest.raises(RunInterrupted):
            run_pipeline(Plan("four", steps, parameters, "act"), around)
        assert restored == ([("production", "sha256:1", "interrupted")] if only else [])


@pytest.mark.parametrize(
    ("serving", "told"),
    [
        (
            Serving("tiny version 2, which is healthy", "sha256:1"),
            "production serves tiny version 2, which is healthy. "
            '`mlops rollback --reason "it failed its test"` restores the previous service.',
        ),
        (
            Serving("tiny version 1, which is healthy", "sha256:0"),
            "production serves tiny version 1, which is healthy.",
        ),
        (Serving("nothing"), "production serves nothing."),
        (None, "production may serve tiny version 2 untested. `mlops status` shows what it serves."),
    ],
    ids=["tested", "previous", "nothing", "unknown"],
)
def test_an_interrupt_while_a_service_that_failed_its_test_is_replaced_ends_the_run(
    deploying: Workspace, serving: Serving | None, told: str
) -> None:
    """Once the previous service runs again, a rollback would remove it."""
    path = deploying.notebooks / "03_act.ipynb"
    text = path.read_text().replace("assert not broken, 'it is broken'", "raise ServiceTestFailed('2 checks failed.')")
    path.write_text(text.replace("from mlops.notebook", "from mlops.errors import *\\nfrom mlops.notebook"))
    watch = Watch()
    around = surround(deploying, [watch], restore=interrupt, find_serving=lambda environment: serving)
    with pytest.raises(RunInterrupted) as interrupted:
        run_pipeline(Plan("four", DEPLOYING, load_parameters(deploying.project, DEPLOYING)), around)
    left = f"Restoring production was interrupted, and {told}"
    assert not interrupted.value.resumable
    assert interrupted.value.problem == left
    (record,) = list_runs(deploying.outputs)
    assert record.state == "interrupted"
    assert record.error.endswith(f"2 checks failed.\n{left}")
    assert watch.heard[-2:] == ["act failed", "run interrupted"]


def test_a_failed_run_names_the_service_that_could_not_be_restored(deploying: Workspace) -> None:
    plan = Plan("four", DEPLOYING, load_parameters(deploying.project, DEPLOYING, ["act.broken=true"]))
    record = run_pipeline(plan, surround(deploying, restore=refuse))
    assert (record.state, states(record)) == ("failed", ["done", "done", "failed", "skipped"])
    assert record.error.endswith(f"it is broken\n{LEFT}")
    assert record.steps[2].error_kind == "AssertionError"


def test_an_interrupt_while_a_report_is_written_loses_no_report_of_a_step_that_finished(small: Workspace) -> None:
    class Impatient(Watch):
        def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
            super().step_ended(run, step)
            if self.heard.count(f"{step.name} done") == 1:
                raise KeyboardInterrupt
            return replace(step, report=f"{step.notebook}.html")

    before, impatient = Watch(), Impatient()
    with pytest.raises(RunInterrupted):
        run_pipeline(Plan("four", STEPS, load_parameters(small.project, STEPS)), surround(small, [before, impatient]))
    (record,) = list_runs(small.outputs)
    assert (record.state, record.steps[0].state, record.steps[0].report) == ("interrupted", "done", "01_look.html")
    assert (before.heard.count("look done"), impatient.heard.count("look done")) == (1, 2)  # a line is printed once


def test_a_record_that_cannot_be_written_ends_the_run_with_the_reason(small: Workspace) -> None:
    class Full(Watch):
        def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
            (folder,) = small.outputs.glob("[!.]*")
            shutil.rmtree(folder, ignore_errors=True)  # no notebook runs that could create it again
            folder.write_text("in the way")
            return replace(step, report="look.html")

    with pytest.raises(FileExistsError, match=f"File exists: .{small.outputs}"):
        run(small, only="look", watch=Full())


def test_what_is_gone_from_the_platform_is_made_again(small: Workspace) -> None:
    run(small)
    plan = Plan("four", STEPS, load_parameters(small.project, STEPS))
    record = run_pipeline(plan, surround(small, is_kept=lambda step, found: step.name != "judge"))
    assert states(record) == ["reused", "done", "reused", "reused"]


def test_a_run_that_was_overtaken_is_resumed_with_a_new_judgement(small: Workspace) -> None:
    """A model that was compared with another champion is compared again. Otherwise it would be refused forever."""
    notebook = small.notebooks / "03_act.ipynb"
    content = notebook.read_text()
    error = "class ConflictError(Exception): pass\\nif broken: raise ConflictError('another champion')"
    notebook.write_text(content.replace("assert not broken, 'it is broken'", error))
    steps = (STEPS[0], replace(STEPS[1], watches=("champion",)), *STEPS[2:])
    parameters = load_parameters(small.project, STEPS, ["act.broken=true"])
    failed = run_pipeline(Plan("four", steps, parameters), surround(small))
    assert failed.steps[2].error_kind == "ConflictError"
    notebook.write_text(content.replace("assert not broken, 'it is broken'", "1"))
    watch = Watch()
    resumed = resume_pipeline(failed, steps, surround(small, [watch]))
    assert states(resumed) == ["done"] * 4
    assert [heard for heard in watch.heard if "started" in heard] == ["judge started", "act started", "rest started"]


def test_an_error_that_only_mentions_a_conflict_keeps_the_judgement(small: Workspace) -> None:
    notebook = small.notebooks / "03_act.ipynb"
    content = notebook.read_text()
    notebook.write_text(content.replace("'it is broken'", "'no ConflictError, but broken'"))
    steps = (STEPS[0], replace(STEPS[1], watches=("champion",)), *STEPS[2:])
    parameters = load_parameters(small.project, STEPS, ["act.broken=true"])
    failed = run_pipeline(Plan("four", steps, parameters), surround(small))
    notebook.write_text(content.replace("assert not broken, 'it is broken'", "1"))
    watch = Watch()
    resume_pipeline(failed, steps, surround(small, [watch]))
    assert [heard for heard in watch.heard if "started" in heard] == ["act started", "rest started"]
