"""The order of steps, and the record of what became of each."""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from mlops.errors import UsageError
from mlops.ledger import RunRecord, StepRecord, list_runs, read_run
from mlops.parameters import load_parameters
from mlops.pipelines import Step
from mlops.runner import Plan, run_pipeline
from mlops.workspace import Workspace

STEPS = (
    Step("look", "01_look"),
    Step("judge", "02_judge", needs=("look",)),
    Step("act", "03_act", needs=("judge",), only_if="judge.good", restores="production"),
    Step("rest", "04_rest", needs=("act",)),
)
NOTEBOOKS = {
    "01_look": "glue_results('01_look', run_folder, seen=seen)",
    "02_judge": "glue_results('02_judge', run_folder, good=read_results('01_look', run_folder)['seen'] > 3, "
    "reason='too little was seen')",
    "03_act": "assert not broken, 'it is broken'",
    "04_rest": "glue_results('04_rest', run_folder, rested=True)",
}
PARAMETERS = {"01_look": "seen = 5  # things; in [0, 9]", "03_act": "broken = False  # True: it fails"}


class Watch:
    """A listener that writes down what it hears."""

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


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    """A project of four small notebooks."""
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "base.yml").write_text("platform: local\n")
    (tmp_path / "notebooks").mkdir()
    for name, work in NOTEBOOKS.items():
        declared = "\n".join([PARAMETERS.get(name, ""), 'run_folder = ""  # folder of the run'])
        cells = ["from mlops.handoff import *", declared, work]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.cells[1].metadata["tags"] = ["parameters"]
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    return Workspace(tmp_path, tmp_path / "home", tmp_path / "outputs")


def run(small: Workspace, *overrides: str, only: str = "", watch: Watch | None = None) -> RunRecord:
    """Run the four notebooks."""
    parameters = load_parameters(small.project, STEPS, overrides)
    return run_pipeline(Plan("four", STEPS, parameters, only), small, [watch] if watch else [])


def states(record: RunRecord) -> list[str]:
    """Return the state of each step."""
    return [step.state for step in record.steps]


def test_steps_run_in_order_and_hand_on(small: Workspace) -> None:
    watch = Watch()
    record = run(small, watch=watch)
    assert (record.state, states(record)) == ("succeeded", ["done"] * 4)
    assert record.result("rested") is True
    assert watch.heard[:3] == ["look started", "look 1/4", "look 2/4"]
    assert watch.heard[-2:] == ["rest done", "run succeeded"]


def test_the_record_on_disk_is_the_record(small: Workspace) -> None:
    record = run(small, "look.seen=1")
    assert read_run(small.outputs / record.run_id) == record
    assert record.step("look").parameters["seen"] == 1  # type: ignore[union-attr]


def test_a_step_whose_condition_is_false_is_skipped_with_the_reason(small: Workspace) -> None:
    record = run(small, "look.seen=2")
    assert (record.state, states(record)) == ("succeeded", ["done", "done", "skipped", "skipped"])
    assert [step.reason for step in record.steps[2:]] == ["too little was seen", "act was skipped"]


def test_a_failed_step_ends_the_run_and_restores(small: Workspace) -> None:
    restored: list[str] = []
    parameters = load_parameters(small.project, STEPS, ["act.broken=true"])
    record = run_pipeline(Plan("four", STEPS, parameters), small, restore=lambda step, run: restored.append(step.name))
    assert (record.state, record.outcome, states(record)) == ("failed", "error", ["done", "done", "failed", "skipped"])
    assert record.steps[2].error == "AssertionError in cell [4]: it is broken"
    assert restored == ["act"]


def test_one_step_alone_takes_over_earlier_results(small: Workspace) -> None:
    first = run(small, "look.seen=7")
    record = run(small, only="judge")
    assert states(record) == ["reused", "done", "skipped", "skipped"]
    assert record.steps[0].reason == f"from run {first.run_id}"
    assert record.steps[1].results["good"] is True


def test_one_step_alone_needs_earlier_results(small: Workspace) -> None:
    with pytest.raises(UsageError, match="--only judge needs the results of look, and no run has them: run `mlops run"):
        run(small, only="judge")
    with pytest.raises(UsageError, match="--only jugde: there is no such step in four; it has: look, judge, act, rest"):
        run(small, only="jugde")
    assert list_runs(small.outputs) == []


def test_one_step_alone_does_not_mix_results_of_different_runs(small: Workspace) -> None:
    """What was judged is what is acted on: a newer look needs a new judgement first."""
    run(small, "look.seen=5")
    newer = run(small, "look.seen=1", only="look")
    steps = (*STEPS[:2], Step("act", "03_act", needs=("look", "judge")))
    plan = Plan("four", steps, load_parameters(small.project, STEPS), "act")
    with pytest.raises(
        UsageError, match=f"look has run again since judge used it .in {newer.run_id}.: run judge again"
    ):
        run_pipeline(plan, small)
    run(small, only="judge")
    assert states(run_pipeline(plan, small)) == ["reused", "reused", "done"]


def test_a_secret_is_in_nothing_that_is_written(small: Workspace) -> None:
    secret = 'p"w\\x-long'
    steps = STEPS[:1]
    parameters = load_parameters(small.project, STEPS)
    told = replace(parameters, values={**parameters.values, "look": {"seen": 5, "extra": f"https://{secret}@host"}})
    record = run_pipeline(Plan("one", steps, told), small, secrets=lambda: [secret])
    assert record.steps[0].parameters["extra"] == "https://***@host"
    for path in (small.outputs / record.run_id).iterdir():
        assert secret not in path.read_text(), path
        assert "x-long" not in path.read_text(), path  # however it is escaped


def test_a_listener_that_fails_leaves_a_truthful_record(small: Workspace) -> None:
    class Broken(Watch):
        def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
            raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        run(small, watch=Broken())
    (record,) = list_runs(small.outputs)
    assert (record.state, record.steps[0].error) == ("failed", "RuntimeError: no space left")
