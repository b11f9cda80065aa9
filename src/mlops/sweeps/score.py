"""The score of a combination: the number by which its notebook is judged."""

from collections.abc import Mapping
from typing import Any

from mlops.errors import UsageError
from mlops.parameters.suggestion import suggest
from mlops.sweeps.results import Sweep


def read_score(results: Mapping[str, Any], sweep: Sweep) -> float | None:
    """Return the metric of a sweep among what a notebook handed on; None where the notebook says so.

    Raises
    ------
    UsageError
        If it handed on no such result, or none that is a number: then no other combination will.
    """
    metric, numbers = sweep.metric, sorted(name for name, value in results.items() if _is_number(value))
    if metric in results and (results[metric] is None or _is_number(results[metric])):
        return results[metric]
    what = f"as {metric!r} no number" if metric in results else f"no {metric!r}"
    raise UsageError(
        f"--metric {metric}: {sweep.notebook} handed on {what}{suggest(metric, numbers, 'numbers')}; the sweep is ended"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
