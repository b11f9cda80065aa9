"""What a run says about the model, under the names that its steps declare."""

from dataclasses import replace

import pytest

from mlops.pipelines.step import Decision, Step, Version
from mlops.record.ledger import RunRecord, RunSettings, StepRecord
from mlops.record.processes import own_process
from mlops.record.steps import Failure
from mlops.record.summary import (
    describe_end,
    describe_failure,
    describe_outcome,
    find_model,
    find_model_name,
    find_model_version,
    find_reason,
)

STEPS = (
    Step("fit", "01_fit"),
    Step("judge", "02_judge", decides=Decision(reason="because")),
    Step("store", "03_store", names_model=Version("name", "version")),
    Step("serve", "04_serve", names_model=Version("name", "version")),
)
COMPARING = (Step("judge", "02_judge", decides=Decision("good", "because")),)


def make_run(**results: dict[str, object]) -> RunRecord:
    """Return a run whose steps have handed on these results."""
    steps = tuple(StepRecord(name, "notebook", state="done", results=handed_on) for name, handed_on in results.items())
    return RunRecord("run", "", "local", "running", "", "", own_process(), steps)


def test_the_declared_names_are_found_and_no_others() -> None:
    run = make_run(fit={"because": "it is early", "version": 1}, judge={"because": "it is better", "reason": "no"})
    assert find_reason(run, STEPS) == "it is better"
    assert find_model_version(run, STEPS) is None


def test_the_last_step_that_names_a_model_counts() -> None:
    run = make_run(store={"version": 3}, serve={"version": 2})
    assert find_model_version(run, STEPS) == 2
    assert find_model_version(make_run(store={"version": 3}, serve={}), STEPS) == 3


def test_a_refused_deployment_deploys_no_model() -> None:
    steps = (Step("serve", "04_serve", names_model=Version("name", "version"), refuses="refusal"),)
    served = {"name": "tiny", "version": 2, "refusal": ""}
    assert find_model(make_run(serve=served), steps) == "tiny version 2"
    refused = make_run(serve={**served, "refusal": "It was rolled back."})
    assert find_model(refused, steps) == ""
    assert (find_model_name(refused, steps), find_model_version(refused, steps)) == (None, None)


def test_a_rollback_deploys_what_it_restores() -> None:
    results = {"environment": "production", "rolled_back": "tiny version 2", "serves": "tiny version 1"}
    step = StepRecord("rollback", "", "production", state="done", results=results)
    run = replace(make_run(), pipeline="rollback", steps=(step,), by="ann")
    assert find_model(run) == "tiny version 1"
    assert find_reason(run) == "tiny version 2 to tiny version 1 in production by ann (no reason was given)"


@pytest.mark.parametrize(
    ("outcome", "only", "said"),
    [
        ("rejected", "", "No better."),
        ("rejected", "store", "No better."),
        ("done", "judge", "the decision is not to promote the model. No better."),
        ("done", "store", ""),
    ],
)
def test_a_decision_is_explained_by_the_run_that_made_it(outcome: str, only: str, said: str) -> None:
    run = make_run(judge={"good": False, "because": "No better."})
    assert describe_outcome(replace(run, outcome=outcome, settings=RunSettings(only=only)), COMPARING) == said


def test_a_failure_is_explained_by_its_place() -> None:
    failure = Failure("ValueError", "fit", "01_fit", "", "x = 1", 2)
    run = replace(make_run(), outcome="error", error="ValueError: no", failure=failure)
    assert describe_outcome(run) == "fit failed in 01_fit, in the cell that begins 'x = 1'"
    assert describe_outcome(replace(run, failure=Failure("OSError"))) == "ValueError: no"


def test_the_error_of_a_run_names_its_step() -> None:
    step = StepRecord("fit", "01_fit", state="failed", error="ValueError: no")
    run = replace(make_run(), outcome="error", error="ValueError: no", steps=(step,))
    assert (describe_failure(run), describe_end(run)) == ("fit: ValueError: no",) * 2
    assert describe_failure(replace(run, steps=())) == "ValueError: no"


def test_a_run_without_results_has_no_reason_and_no_model() -> None:
    run = make_run(judge={})
    assert (find_reason(run, STEPS), find_model_version(run, STEPS)) == ("", None)


def test_the_steps_of_the_project_declare_the_usual_names() -> None:
    run = make_run(evaluate={"reason": "no better"}, deploy_qa={"model_version": 4})
    assert (find_reason(run), find_model_version(run)) == ("no better", 4)
