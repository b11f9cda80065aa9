"""The run of a sweep: the record, the best combination, failures and interruptions, with real threads."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from given_parameters import load_parameters, load_project
from kernel_processes import find_kernels
from shown import make_cell, make_scraps
from small_sweep import FAILED, STEPS, FakeExecutor

from mlops.backends.memory.tracking import MemoryTracker
from mlops.errors import FormatError, StepFailed, UsageError
from mlops.pipelines import RETRAIN
from mlops.record.ledger import RunRecord, StepRecord, list_runs, read_run, write_run
from mlops.runner import Listener, Plan, Surroundings, run_pipeline
from mlops.sweeps.executors import Executor, Threads
from mlops.sweeps.grid import read_grid
from mlops.sweeps.plan import Goal, SweepListener
from mlops.sweeps.results import FORMAT, Point, Sweep, add_point, begin_sweep, describe_best, read_sweep
from mlops.sweeps.run import run_sweep
from mlops.sweeps.score import require_metric
from mlops.workspace import Workspace

pytestmark = pytest.mark.usefixtures("in_process")
Ran = tuple[RunRecord, Sweep, list[Point]]


def surround(small: Workspace, listeners: Sequence[Listener] = (), **options: Any) -> Surroundings:
    """The surroundings of a run of the small project."""
    return Surroundings(load_project(small.project, STEPS), listeners, **options)


def sweep(
    small: Workspace,
    *overrides: str,
    executor: Executor | None = None,
    goal: Goal | None = None,
    tracker: MemoryTracker | None = None,
) -> Ran:
    """Sweep the second notebook."""
    grid = read_grid(load_project(small.project, STEPS), "fit", overrides)
    return run_sweep(
        grid,
        goal or Goal("loss"),
        surround(small),
        executor or FakeExecutor(),
        tracker or MemoryTracker(),
    )


@pytest.mark.usefixtures("kernels")
def test_threads_execute_every_combination_and_the_best_one_is_offered(small: Workspace) -> None:
    record, plan, points = sweep(small, "x=1,3,4", executor=Threads(2))
    assert [(point.values, point.state, point.score) for point in points] == [
        ({"x": 1.0}, "done", 5.0),
        ({"x": 3.0}, "done", 1.0),
        ({"x": 4.0}, "done", 2.0),
    ]
    folder = small.outputs / record.run_id
    assert read_sweep(folder) == (plan, points)
    assert read_run(folder) == record
    assert [(step.name, step.state) for step in record.steps] == [
        ("look", "reused"),
        ("sweep", "done"),
        ("fit", "done"),
    ]
    assert sorted(path.name for path in folder.glob("02*")) == [
        "02_fit-1.ipynb",
        "02_fit-2.ipynb",
        "02_fit-3.ipynb",
        "02_fit.ipynb",
    ]
    assert (folder / "02_fit.ipynb").read_bytes() == (folder / "02_fit-2.ipynb").read_bytes()
    judged = run_pipeline(
        Plan("all", STEPS, load_parameters(small.project, STEPS), only="judge", source=record.run_id),
        surround(small),
    )
    assert judged.step("fit").results["loss"] == 1.0  # type: ignore[union-attr]
    parameters = load_parameters(small.project, STEPS, ["fit.x=3"])
    again = run_pipeline(Plan("all", STEPS, parameters), surround(small))
    assert again.step("fit").source == record.run_id  # type: ignore[union-attr]


@pytest.mark.usefixtures("kernels")
def test_a_failed_combination_is_recorded_and_the_others_go_on(small: Workspace) -> None:
    record, plan, points = sweep(small, "x=1,5,4", executor=Threads(3))
    assert [point.state for point in points] == ["done", "failed", "done"]
    assert points[1].error == FAILED
    assert (record.state, record.outcome) == ("failed", "error")
    assert record.step("sweep").error.startswith("1 of 3 combinations failed: AssertionError")  # type: ignore[union-attr]
    assert record.step("fit").results["loss"] == 2.0  # type: ignore[union-attr]


def test_where_all_fail_nothing_is_offered(small: Workspace) -> None:
    record, plan, points = sweep(small, "x=5")
    assert record.step("fit").reason == "every combination failed"  # type: ignore[union-attr]
    assert describe_best(plan, points) == "none: every combination failed"


@pytest.mark.parametrize(
    ("x", "reason"),
    [("1,2", "other is None for every combination"), ("1,5", "every combination failed, or its other is None")],
)
def test_a_metric_that_is_none_is_not_called_a_failure(small: Workspace, x: str, reason: str) -> None:
    record, plan, points = sweep(small, f"x={x}", "n=9", goal=Goal("other"))
    assert record.step("fit").reason == reason  # type: ignore[union-attr]
    assert describe_best(plan, points) == f"none: {reason}"


def test_unchanged_inputs_are_taken_over_and_changed_ones_made(small: Workspace) -> None:
    first, *_ = sweep(small, "x=1,2")
    again, *_ = sweep(small, "x=1,2")
    assert again.step("look").source == first.step("look").source  # type: ignore[union-attr]
    other, *_ = sweep(small, "x=1,2", "look.seen=7")
    assert other.step("look").source not in ("", first.step("look").source)  # type: ignore[union-attr]
    assert len(list_runs(small.outputs)) == 5


def test_without_its_inputs_a_sweep_does_not_begin(small: Workspace) -> None:
    path = small.notebooks / "01_look.ipynb"
    path.write_text(path.read_text().replace("glue_results('01_look'", "oops('01_look'"))
    with pytest.raises(StepFailed, match="look failed, and fit needs its results. The sweep did not start."):
        sweep(small, "x=1,2")


def test_the_tracker_hears_of_the_sweep_and_its_best(small: Workspace) -> None:
    tracker, executor = MemoryTracker(), FakeExecutor()
    sweep(small, "x=1,3", "n=1,2", tracker=tracker, executor=executor)
    ((sweep_id, kept),) = tracker.sweeps.items()
    assert kept.tried == {"x": (1.0, 3.0), "n": (1, 2)}
    assert (kept.state, kept.parameters, kept.metrics) == ("succeeded", {"x": 3.0, "n": 1}, {"loss": 1.0})
    assert {task.parameters["sweep"] for task in executor.tasks} == {sweep_id}


def test_the_highest_is_best_where_that_is_the_goal(small: Workspace) -> None:
    record, plan, points = sweep(small, "x=-1,0,1", goal=Goal("loss", maximize=True))
    assert record.step("sweep").results["best"] == 1  # type: ignore[union-attr]
    assert describe_best(plan, points) == (
        "x=-1 with loss 17.0, 70.0% higher than the next, x=0. "
        "It is at the edge of the values of x, so a value beyond it may be better."
    )


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("los", "--metric: The sweep stopped, because 02_fit has no result 'los'. Did you mean 'loss'? Its numbers:"),
        (
            "name",
            "--metric: The sweep stopped, because 'name' is a result of 02_fit, but not a number. "
            "Its numbers: loss, other.",
        ),
    ],
)
def test_a_metric_that_is_not_there_ends_the_sweep_at_once(small: Workspace, metric: str, said: str) -> None:
    executor = FakeExecutor()
    with pytest.raises(UsageError) as raised:
        sweep(small, "x=1,2,3", executor=executor, goal=Goal(metric))
    assert said in str(raised.value)
    assert executor.closed
    record = list_runs(small.outputs)[0]
    assert (record.state, record.step("sweep").error) == ("failed", str(raised.value))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (
            "los",
            "02_fit has no result 'los'. Did you mean 'loss'? Its numbers: loss, other.",
        ),
        (
            "name",
            "'name' is a result of 02_fit, but not a number. Its numbers: loss, other.",
        ),
    ],
)
def test_a_metric_that_no_run_has_shown_is_refused_before_anything_runs(
    small: Workspace, metric: str, said: str
) -> None:
    sweep(small, "x=1,2")
    before, executor = len(list_runs(small.outputs)), FakeExecutor()
    with pytest.raises(UsageError) as raised:
        sweep(small, "x=1,2,3", executor=executor, goal=Goal(metric))
    assert str(raised.value) == f"--metric: {said} To compare by a new result, run fit once first."
    assert (len(list_runs(small.outputs)), executor.tasks) == (before, [])


def test_a_metric_that_the_problem_declares_needs_no_earlier_run(small: Workspace) -> None:
    """The newest run can be of another problem, whose metrics have other names."""
    sweep(small, "x=1,2")
    (swept,) = list_runs(small.outputs)[:1]
    steps = tuple(replace(step, results={"auc": 0.9}) if step.name == "fit" else step for step in swept.steps)
    write_run(replace(swept, steps=steps), small.outputs)
    with pytest.raises(UsageError, match="--metric: 02_fit has no result 'loss'"):
        sweep(small, "x=1,2,3")
    assert sweep(small, "x=1,2,3", goal=Goal("loss", is_declared=True))[0].outcome == "done"


def test_the_metrics_of_the_committed_notebook_are_known(tmp_path: Path) -> None:
    step = next(step for step in RETRAIN if step.name == "train")
    nothing = Workspace(tmp_path, tmp_path / "nowhere", tmp_path / "nowhere")
    nothing.notebooks.mkdir()
    committed = {"cells": [make_cell("a", "glue_results()", *make_scraps(mse=3041.2, r2=0.4, run="x"))]}
    (nothing.notebooks / "02_train.ipynb").write_text(json.dumps(committed))
    require_metric("r2", step, nothing)
    with pytest.raises(UsageError, match="02_train has no result 'rmse'. Did you mean 'mse'"):
        require_metric("rmse", step, nothing)


def test_a_metric_that_is_none_fails_its_combination(small: Workspace) -> None:
    _, _, points = sweep(small, "n=1,9", goal=Goal("other"))
    assert [point.error for point in points] == ["", "other is None"]


def test_an_interrupted_sweep_leaves_what_has_ended_and_offers_nothing(small: Workspace) -> None:
    executor, tracker = FakeExecutor(interrupt=1), MemoryTracker()
    with pytest.raises(KeyboardInterrupt):
        sweep(small, "x=1,2,3", executor=executor, tracker=tracker)
    record = list_runs(small.outputs)[0]
    assert (record.state, record.step("fit").reason) == ("interrupted", "the sweep did not finish")  # type: ignore[union-attr]
    assert [point.number for point in read_sweep(small.outputs / record.run_id)[1]] == [2, 3]
    (kept,) = tracker.sweeps.values()
    assert (kept.state, kept.parameters, kept.metrics) == ("interrupted", {"x": 3.0}, {"loss": 1.0})


@pytest.mark.usefixtures("kernels")
def test_threads_that_are_cut_off_end_their_kernels(small: Workspace) -> None:
    path = small.notebooks / "02_fit.ipynb"
    path.write_text(
        path.read_text().replace("assert x != boom", "import time; time.sleep(3600 if x > 1 else 0); assert 1")
    )
    with pytest.raises(UsageError, match="02_fit has no result 'los'"):
        sweep(small, "x=1,2,3", executor=Threads(2), goal=Goal("los"))
    assert find_kernels(os.getpid()) == []


def test_a_thousand_combinations_cost_little_beyond_their_notebooks(small: Workspace) -> None:
    values = ",".join(str(number / 100) for number in range(1000))
    began = time.process_time()
    record, _, points = sweep(small, f"x={values}")
    assert len(points) == 1000
    assert time.process_time() - began < 15  # 2 s here, with the run of the first notebook
    assert (small.outputs / record.run_id / "run.json").stat().st_size < 50_000


@pytest.mark.usefixtures("kernels")
def test_a_secret_is_in_nothing_that_is_written(small: Workspace) -> None:
    grid = read_grid(load_project(small.project, STEPS), "fit", ["name=s3cr3t-value,b"])
    around = surround(small, secrets=lambda: ["s3cr3t-value"])
    record, _, _ = run_sweep(grid, Goal("loss"), around, Threads(2), MemoryTracker(), ())
    for path in (small.outputs / record.run_id).iterdir():
        assert "s3cr3t-value" not in path.read_text(), path


def test_a_torn_line_is_not_there(small: Workspace) -> None:
    begin_sweep(small.outputs, Sweep("fit", "02_fit", {"x": (1.0, 2.0)}, "loss"))
    point = Point(2, {"x": 2.0}, "done", 1.0, "02_fit-2.ipynb", 3.0)
    add_point(small.outputs, point)
    add_point(small.outputs, replace(point, number=1))
    path = small.outputs / "sweep.jsonl"
    assert [found.number for found in read_sweep(small.outputs)[1]] == [1, 2]
    path.write_bytes(path.read_bytes()[:-20])
    assert [found.number for found in read_sweep(small.outputs)[1]] == [2]


def test_a_sweep_of_a_newer_version_is_refused(small: Workspace) -> None:
    begin_sweep(small.outputs, Sweep("fit", "02_fit", {"x": (1.0, 2.0)}, "loss", format=FORMAT + 1))
    with pytest.raises(
        FormatError, match=rf"sweep\.jsonl has format {FORMAT + 1}, but this version reads up to format {FORMAT}"
    ):
        read_sweep(small.outputs)


class Watch(SweepListener):
    """A listener that records the progress of a sweep."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def sweep_started(self, run: RunRecord, sweep: Sweep) -> None:
        self.heard.append(f"started {len(sweep)}")

    def point_ended(self, point: Point) -> None:
        self.heard.append(f"point {point.number}")

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        self.heard.append("offered")
        return replace(step, report="best.html")

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        self.heard.append(f"ended {run.state}")


def test_listeners_hear_of_it_in_order(small: Workspace) -> None:
    watch = Watch()
    grid = read_grid(load_project(small.project, STEPS), "fit", ["x=1,2"])
    record, _, _ = run_sweep(grid, Goal("loss"), surround(small), FakeExecutor(), MemoryTracker(), [watch])
    assert watch.heard == ["started 2", "point 2", "point 1", "offered", "ended succeeded"]
    assert json.loads((small.outputs / record.run_id / "run.json").read_text())["steps"][-1]["report"] == "best.html"
