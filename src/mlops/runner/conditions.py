"""The conditions of a step: whether it must wait for other steps, and why it must not run."""

from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord
from mlops.record.summary import find_refusal
from mlops.runner.plan import Plan


def is_waiting(step: Step, record: RunRecord) -> bool:
    """Return whether a step must wait, because a step that it needs has not ended."""
    needs = [found for name in step.needs if (found := record.step(name))]
    return any(need.state in ("pending", "running") for need in needs)


def find_reason_to_skip(step: Step, record: RunRecord, plan: Plan) -> str:
    """Return why a step must not run; "" if it can run."""
    if plan.only and step.name != plan.only:
        return f"only {plan.only} was requested"
    if refusal := find_refusal(record, plan.steps):
        return refusal
    for name in step.needs:
        needed = record.step(name)
        if needed and needed.state in ("failed", "skipped"):
            return f"{name} {needed.state}" if needed.state == "failed" else f"{name} was skipped"
    if step.only_if:
        source = record.step(step.only_if.step)
        if source and not source.results.get(step.only_if.result):
            decides = plan.find_step(step.only_if.step).decides
            return str(source.results.get(decides.reason, f"{'.'.join(step.only_if)} is not true"))
    return ""
