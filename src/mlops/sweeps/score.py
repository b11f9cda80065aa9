"""The score of a combination: the number by which its notebook is judged."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from mlops.errors import UsageError
from mlops.notebook.handoff import read_scraps
from mlops.parameters.suggestion import suggest
from mlops.pipelines import Step
from mlops.record.ledger import iterate_runs
from mlops.record.reuse import LOOKED_AT
from mlops.sweeps.results import Sweep
from mlops.workspace import Workspace


def require_metric(metric: str, step: Step, workspace: Workspace) -> None:
    """Refuse a metric that a step has never handed on, before anything runs.

    What the step hands on stands in its committed notebook and in its newest run. Where neither has any results,
    the first combination will show it.

    Raises
    ------
    UsageError
        If no result of that name is a number.
    """
    runs = islice(iterate_runs(workspace.outputs), LOOKED_AT)
    newest = next((found.results for run in runs if (found := run.step(step.name)) and found.has_results), {})
    results = {**read_scraps(workspace.notebooks / f"{step.notebook}.ipynb"), **newest}
    if not results or metric in results and (results[metric] is None or _is_number(results[metric])):
        return
    what = f"hands on {metric!r}, but not as a number" if metric in results else f"hands on no {metric!r}"
    raise UsageError(
        f"--metric {metric}: {step.notebook} {what}{suggest(metric, _list_numbers(results), 'numbers')}. If it is new, "
        f"run {step.name} once."
    )


def read_score(results: Mapping[str, Any], sweep: Sweep) -> float | None:
    """Return the metric of a sweep among what a notebook handed on; None where the notebook says so.

    Raises
    ------
    UsageError
        If it handed on no such result, or none that is a number: then no other combination will.
    """
    metric, numbers = sweep.metric, _list_numbers(results)
    if metric in results and (results[metric] is None or _is_number(results[metric])):
        return results[metric]
    what = f"as {metric!r} no number" if metric in results else f"no {metric!r}"
    raise UsageError(
        f"--metric {metric}: {sweep.notebook} handed on {what}{suggest(metric, numbers, 'numbers')}; the sweep is ended"
    )


def _list_numbers(results: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, value in results.items() if _is_number(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
