"""The outcome of a run, which depends on what its steps did."""

import pytest

from mlops.parameters.merging import Parameters
from mlops.pipelines import PIPELINES
from mlops.record.ledger import RunRecord, StepRecord, StepState
from mlops.record.processes import own_process
from mlops.runner.outcome import name_outcome
from mlops.runner.plan import Plan

NO_PARAMETERS = Parameters("local", 10.0, {}, {})


def make_run(promoted: bool | None = None, refusal: str = "", **states: StepState) -> RunRecord:
    """Return a run of all steps. The given steps have ended, and the others were skipped."""
    results = {"evaluate": {} if promoted is None else {"promoted": promoted}, "deploy_qa": {"refusal": refusal}}
    steps = tuple(
        StepRecord(step.name, step.notebook, state=states.get(step.name, "skipped"), results=results.get(step.name, {}))
        for step in PIPELINES["all"]
    )
    return RunRecord("run", "all", "local", "running", "", "", own_process(), steps)


@pytest.mark.parametrize(
    ("only", "run", "outcome"),
    [
        ("", make_run(True, evaluate="done", register="done"), "promoted"),
        ("", make_run(False, evaluate="done"), "rejected"),
        ("", make_run(test_production="done"), "released"),
        ("", make_run(True, evaluate="done", register="failed"), "error"),
        ("evaluate", make_run(True, evaluate="done"), "done"),
        ("register", make_run(True, evaluate="reused", register="done"), "promoted"),
        ("register", make_run(False, evaluate="reused"), "rejected"),
        ("register", make_run(True, evaluate="skipped"), "error"),
        ("create_image", make_run(create_image="done"), "done"),
        ("create_image", make_run(), "error"),
        ("test_production", make_run(), "error"),
        ("deploy_qa", make_run(refusal="It was rolled back.", deploy_qa="done"), "rejected"),
        ("test_production", make_run(test_production="done"), "released"),
    ],
)
def test_the_outcome_says_what_was_done(only: str, run: RunRecord, outcome: str) -> None:
    assert name_outcome(run, Plan("all", PIPELINES["all"], NO_PARAMETERS, only)) == outcome


def test_a_repeated_test_releases_nothing() -> None:
    plan = Plan("all", PIPELINES["all"], NO_PARAMETERS, "test_production", repeats=True)
    assert name_outcome(make_run(test_production="done"), plan) == "done"
