"""The declaration of a problem: its name and metrics."""

# A run stores the declaration in its record, and the pages about the run use it.

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.problem.metric import Metric


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric without its functions, for the record of a run. See `mlops.problem.Metric`."""

    name: str
    higher_is_better: bool
    title: str
    unit: str
    digits: int


@dataclass(frozen=True)
class Declaration:
    """The part of a problem's declaration that a run records: the name of the problem, and its metrics.

    Parameters
    ----------
    name : str
        The name of the problem.
    metrics : tuple of DeclaredMetric
        The metrics, in the order in which pages show them.
    gate : str
        The name of the metric on which promotions are decided.
    smallest_gain : float, optional
        The smallest improvement of the metric `gate` that is worth a release.
    smallest_relative_gain : float
        The smallest improvement that is worth a release, as a share of the champion's metric. Used only if
        `smallest_gain` is None.
    """

    name: str = ""
    metrics: tuple[DeclaredMetric, ...] = ()
    gate: str = ""
    smallest_gain: float | None = None
    smallest_relative_gain: float = 0.0


def describe_metric(metric: "Metric") -> DeclaredMetric:
    """Return a metric without its functions, for the record of a run."""
    return DeclaredMetric(metric.name, metric.higher_is_better, metric.title, metric.unit, metric.digits)
