"""The verdict of a step at the top of its report, and the marks on cells that did not run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.errors import DataTestFailed
from mlops.numbers import format_number
from mlops.pipelines import ALL_STEPS, find_deployment
from mlops.pipelines.step import Step
from mlops.portal.refusals import describe_failed_test, name_model
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.scores import find_unit, list_metrics
from mlops.record.steps import name_cell
from mlops.record.summary import find_dataset

FAILURES = {DataTestFailed.__name__: "The data did not pass its test"}  # the beginning of the verdict, by kind of error


@dataclass(frozen=True)
class Verdict:
    """The verdict of a step.

    Parameters
    ----------
    kind : str
        The kind of the verdict, which is also its CSS class: "done", "failed", "promoted" or "rejected".
    text : str
        An icon and one or two sentences, followed by a line for each broken rule or failed check.
    """

    kind: str
    text: str


def find_verdict(run: RunRecord, step: StepRecord, steps: Iterable[Step] = ALL_STEPS) -> Verdict:
    """Return the verdict of a step: its decision, the result of its test, or its failure."""
    steps = tuple(steps)
    declared = next((found for found in steps if found.name == step.name), None)
    if step.state == "failed":
        what = FAILURES.get(step.error_kind, "This step failed")
        if told := describe_failed_test(run, step, steps):
            return Verdict("failed", "\n".join([f"✗ {told[0]}.", *told[1:]]))
        return Verdict("failed", f"✗ {what}{name_cell(step.cell)}.")
    if not step.has_results:
        return Verdict(step.state, step.state.capitalize() + ".")
    if declared is None:
        return Verdict("done", "✓ Done.")
    return _find_decision(declared, step) or Verdict("done", f"✓ {_describe_end(run, step, declared, steps)}")


def _find_decision(declared: Step, step: StepRecord) -> Verdict | None:
    if refusal := step.results.get(declared.refuses):
        return Verdict("rejected", f"– Not deployed. {refusal}")
    if declared.decides.result not in step.results:
        return None
    promoted = bool(step.results[declared.decides.result])
    kind, word = ("promoted", "✓ Promoted") if promoted else ("rejected", "– Rejected")
    return Verdict(kind, f"{word}. {step.results.get(declared.decides.reason, '')}".strip())


def _describe_end(run: RunRecord, step: StepRecord, declared: Step, steps: Sequence[Step]) -> str:
    if declared.takes_data:
        return "The data passed its test."
    if declared.names_dataset:
        return f"Done. {find_dataset(run)} is the newest version of the data set."
    model = name_model(run, declared)
    if declared.deploys.digest and model:
        return f"Done. {model} was deployed in {step.environment}."
    if declared.registers and model:
        return f"Done. {model} was registered{' as the champion' if declared.promotes else ''}."
    if declared.packs and model:
        return f"Done. The image of {model} was created."
    deployed = name_model(run, find_deployment(steps, step.environment))
    if declared.checks in step.results:
        return f"{deployed or 'The service'} in {step.environment} passed {step.results[declared.checks]} checks."
    return f"Done.{_name_numbers(step, steps)}"


def _name_numbers(step: StepRecord, steps: Sequence[Step]) -> str:
    names = [name for name in list_metrics(step, steps) if isinstance(step.results.get(name), float)]
    numbers = ", ".join(
        f"{name} {format_number(step.results[name])} {find_unit(name, step.results, steps)}".rstrip() for name in names
    )
    return f" The new model had {numbers} on the holdout." if numbers else ""


def mark_unrun(cells: Sequence[Any]) -> list[Any]:
    """Mark the cells after the failed cell of a notebook as not run, and return all cells."""
    failed = False
    for cell in cells:
        if failed:
            cell.metadata["not_run"] = True
        failed = failed or _has_failed(cell)
    return list(cells)


def _has_failed(cell: Any) -> bool:
    if cell.cell_type != "code":
        return False
    marked = bool(cell.metadata.get("papermill", {}).get("exception"))
    return marked or any(output.output_type == "error" for output in cell.outputs)
