"""The steps that will probably start next, for which kernels start in advance."""

from dataclasses import replace

import pytest

from mlops.parameters.merging import Parameters
from mlops.pipelines.step import Condition, Step
from mlops.record.ledger import RunRecord, StepRecord, StepState
from mlops.record.processes import own_process
from mlops.runner.conditions import is_likely
from mlops.runner.plan import Plan

STEPS = (
    Step("train", "train"),
    Step("judge", "judge", needs=("train",)),
    Step("act", "act", needs=("judge",), only_if=Condition("judge", "good")),
    Step("watch", "watch", needs=("train", "judge")),
)
PLAN = Plan("four", STEPS, Parameters("local", 10.0, {}, {}))


def make_run(*states: StepState, good: bool = True) -> RunRecord:
    """Return a run of the four steps in these states; the first ones have ended."""
    steps = tuple(
        StepRecord(step.name, step.notebook, state=state, results={"good": good} if state == "done" else {})
        for step, state in zip(STEPS, states, strict=True)
    )
    return RunRecord("run", "four", "local", "running", "", "", own_process(), steps)


@pytest.mark.parametrize(
    ("run", "likely"),
    [
        (make_run("running", "pending", "pending", "pending"), ["judge"]),
        (make_run("done", "running", "pending", "pending"), ["act", "watch"]),
        (make_run("reused", "running", "pending", "pending"), ["act", "watch"]),
        (make_run("done", "done", "pending", "pending"), ["act", "watch"]),  # no slot is free
        (make_run("done", "done", "pending", "pending", good=False), ["watch"]),
        (make_run("failed", "pending", "pending", "pending"), []),
    ],
)
def test_what_the_running_steps_lead_to_is_likely(run: RunRecord, likely: list[str]) -> None:
    assert [step.name for step in STEPS if is_likely(step, run, PLAN)] == likely


@pytest.mark.parametrize("plan", [replace(PLAN, only="judge"), replace(PLAN, at="judge")])
def test_nothing_is_likely_after_a_step_that_runs_alone(plan: Plan) -> None:
    run = make_run("done", "running", "pending", "pending")
    assert not any(is_likely(step, run, plan) for step in STEPS)
