"""Descriptions of a failed data test or service test, for verdicts and the index."""

import re
from collections.abc import Iterable
from itertools import takewhile

from mlops.errors import ServiceTestFailed, ServiceUntestedError
from mlops.execution.cells import describe_cell
from mlops.pipelines import ALL_STEPS, find_deployment
from mlops.pipelines.step import Step
from mlops.record.data_test import summarize_rules
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.summary import OVERRULED, find_model, find_override

SHOWN = 2  # maximum number of failed checks to list; the error below the verdict lists all


def describe_failed_test(run: RunRecord, step: StepRecord, steps: Iterable[Step] = ALL_STEPS) -> list[str]:
    """Return lines that describe a failed test: a sentence without a full stop, then broken rules or failed checks.

    The list is empty if the step failed for another reason.
    """
    if rules := summarize_rules(step):
        return ["The data did not pass its test", *rules]
    said, *lines = _find_message_without_cell(step).splitlines() or [""]
    failed = [line.strip() for line in takewhile(lambda line: line.startswith("  "), lines)]  # a log may follow
    checks = failed[:SHOWN] + ([f"and {len(failed) - SHOWN} more"] if len(failed) > SHOWN else [])
    model = name_model(run, find_deployment(steps, step.environment)) or "The service"
    if step.error_kind == ServiceUntestedError.__name__:
        return [f"{model} could not be tested in {step.environment}", *filter(None, [said])]
    if step.error_kind != ServiceTestFailed.__name__:
        return []
    serving = re.search(r"now serves (.+?):?$", said)
    if said and not serving:  # the message says that the previous service could not be restored
        return [said.removesuffix("."), *checks]
    other = serving[1] if serving and serving[1] != model else ""
    return [f"{model} did not pass its test in {step.environment}{_name_other(other)}", *checks]


def _find_message_without_cell(step: StepRecord) -> str:
    return step.error.removeprefix(f"{step.error_kind} in {describe_cell(step.cell)}: ")


def name_model(run: RunRecord, declared: Step | None) -> str:
    """Return the name and version of a step's model, or "" if it has none."""
    model = find_model(run, [declared]) if declared else ""
    return f"{model} ({OVERRULED})" if model and find_override(run) else model


def _name_other(serving: str) -> str:
    if serving == "nothing":
        return ", where nothing serves now"
    return f", which now serves {serving} again" if serving else ""
