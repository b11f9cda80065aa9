"""The score of a combination: the number by which combinations are compared."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from mlops.errors import UsageError
from mlops.parameters.suggestion import suggest
from mlops.pipelines.step import Step
from mlops.record.ledger import iterate_runs
from mlops.record.reuse import LOOKED_AT
from mlops.scraps import read_scraps
from mlops.sweeps.results import Sweep
from mlops.workspace import Workspace


def require_metric(metric: str, step: Step, workspace: Workspace) -> None:
    """Raise an error if a step has earlier results, but none of them is a number with the name `metric`.

    Raises
    ------
    UsageError
        If the metric is missing, or is not a number.
    """
    runs = islice(iterate_runs(workspace.outputs), LOOKED_AT)
    newest = next((found.results for run in runs if (found := run.step(step.name)) and found.has_results), {})
    results = {**read_scraps(workspace.notebooks / f"{step.notebook}.ipynb"), **newest}
    if not results or metric in results and (results[metric] is None or _is_number(results[metric])):
        return
    fault = _explain_fault(metric, results, step.notebook)
    hint = suggest(metric, _list_numbers(results), "Its numbers")
    raise UsageError(f"--metric: {fault}{hint} To compare by a new result, run {step.name} once first.")


def read_score(results: Mapping[str, Any], sweep: Sweep) -> float | None:
    """Return the sweep's metric from a notebook's results. Return None if the metric has the value None.

    Raises
    ------
    UsageError
        If there is no such result, or if the result is not a number.
    """
    metric = sweep.metric
    if metric in results and (results[metric] is None or _is_number(results[metric])):
        return results[metric]
    fault = _explain_fault(metric, results, sweep.notebook)
    hint = suggest(metric, _list_numbers(results), "Its numbers")
    raise UsageError(f"--metric: The sweep stopped, because {fault}{hint}")


def _explain_fault(metric: str, results: Mapping[str, Any], notebook: str) -> str:
    if metric in results:
        return f"{metric!r} is a result of {notebook}, but not a number"
    return f"{notebook} has no result {metric!r}"


def _list_numbers(results: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, value in results.items() if _is_number(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
