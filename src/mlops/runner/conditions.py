"""The conditions of a step: whether it must wait for other steps, and whether it must be skipped."""

from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord
from mlops.record.summary import find_refusal
from mlops.runner.plan import Plan


def is_waiting(step: Step, record: RunRecord) -> bool:
    """Return whether a step must wait until the steps that it needs are finished."""
    needs = [found for name in step.needs if (found := record.step(name))]
    return any(need.state in ("pending", "running") for need in needs)


def is_likely(step: Step, record: RunRecord, plan: Plan) -> bool:
    """Return whether a step will probably start when the running steps end."""
    # While a step decides whether a later step runs, the later step is assumed to run.
    alone = plan.at or plan.only
    if record.get_step(step.name).state != "pending" or alone not in ("", step.name):
        return False
    needs = [found for name in step.needs if (found := record.step(name))]
    if not all(need.state == "running" or need.has_results for need in needs):
        return False
    judge = record.step(step.only_if.step) if step.only_if else None
    return bool(judge and judge.state == "running") or not find_reason_to_skip(step, record, plan)


def find_reason_to_skip(step: Step, record: RunRecord, plan: Plan) -> str:
    """Return the reason why a step must be skipped; "" if it can run."""
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
