"""The verdict of a step, for the top of its report, and the cells that did not run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.errors import DataTestFailed
from mlops.numbers import format_number
from mlops.pipelines import ALL_STEPS, Step
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.steps import name_cell
from mlops.record.summary import find_dataset


@dataclass(frozen=True)
class Verdict:
    """The verdict of a step.

    Parameters
    ----------
    kind : str
        "done", "failed", "promoted" or "rejected": the class of the page's style.
    text : str
        One or two sentences, with an icon.
    """

    kind: str
    text: str


def find_verdict(run: RunRecord, step: StepRecord, steps: Iterable[Step] = ALL_STEPS) -> Verdict:
    """Return the verdict of a run's step: its decision, the result of its test, or the cell in which it failed."""
    declared = next((found for found in steps if found.name == step.name), None)
    tests = declared is not None and bool(declared.takes_data)
    if step.state == "failed":
        what = (
            "The data did not pass its test"
            if tests and step.error_kind == DataTestFailed.__name__
            else "This step failed"
        )
        return Verdict("failed", f"✗ {what}{name_cell(step.cell)}.")
    if declared and declared.decides and declared.decides in step.results:
        promoted = bool(step.results[declared.decides])
        word = "✓ Promoted" if promoted else "– Rejected"
        return Verdict(
            "promoted" if promoted else "rejected", f"{word}. {step.results.get(declared.explains, '')}".strip()
        )
    if tests and step.has_results:
        return Verdict("done", "✓ The data passed its test.")
    if declared and declared.names_dataset and step.has_results:
        return Verdict("done", f"✓ Done. {find_dataset(run)} is the newest.")
    if step.has_results:
        return Verdict("done", f"✓ Done.{_name_numbers(declared, step)}")
    return Verdict(step.state, step.state.capitalize() + ".")


def _name_numbers(declared: Step | None, step: StepRecord) -> str:
    names = [name for name in (declared.metrics if declared else ()) if isinstance(step.results.get(name), float)]
    numbers = ", ".join(f"{name} {format_number(step.results[name])}" for name in names)
    return f" The new model has {numbers} on the holdout." if numbers else ""


def mark_unrun(cells: Sequence[Any]) -> list[Any]:
    """Mark the cells after the one that failed, because they did not run and their prose has no results."""
    failed = False
    for cell in cells:
        if failed:
            cell.metadata["not_run"] = True
        failed = failed or _has_failed(cell)
    return list(cells)


def _has_failed(cell: Any) -> bool:
    """Return whether a cell raised an error or ended the kernel; papermill marks both."""
    if cell.cell_type != "code":
        return False
    marked = bool(cell.metadata.get("papermill", {}).get("exception"))
    return marked or any(output.output_type == "error" for output in cell.outputs)
