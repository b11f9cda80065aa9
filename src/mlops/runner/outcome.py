"""The outcome of a finished run, such as "promoted", "rejected" or "released"."""

from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.summary import find_refusal
from mlops.runner.plan import Plan


def name_outcome(record: RunRecord, plan: Plan) -> str:
    """Return the outcome of a run after its last step: "promoted", "rejected", "released", "done" or "error"."""
    if any(step.state == "failed" for step in record.steps):
        return "error"
    if find_refusal(record, plan.steps):
        return "rejected"
    found = [(step, ended) for step in plan.steps if (ended := record.step(step.name))]
    if plan.only:
        alone = next((step, ended) for step, ended in found if step.name == plan.only)
        return _name_outcome_of_only_step(*alone, record, repeats=plan.repeats)
    decisions = [
        ended.results.get(step.decides.result) for step, ended in found if step.decides.result and ended.has_results
    ]
    if decisions:
        return "promoted" if all(decisions) else "rejected"
    return "released" if any(step.releases and ended.state == "done" for step, ended in found) else "done"


def _name_outcome_of_only_step(step: Step, ended: StepRecord, record: RunRecord, *, repeats: bool) -> str:
    # If the test that completes a release is repeated, the outcome is "done", because the repetition releases nothing.
    if ended.state == "skipped":
        judge = record.step(step.only_if.step) if step.only_if else None
        refused = judge and judge.has_results and step.only_if and not judge.results.get(step.only_if.result)
        return "rejected" if refused else "error"
    if step.promotes:
        return "promoted"
    return "released" if step.releases and not repeats else "done"
