"""The declaration of a problem as a run records it, so that pages about the run need nothing else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.problem.metric import Metric


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric without its functions; the fields are those of `Metric`."""

    name: str
    higher_is_better: bool
    title: str
    unit: str
    digits: int


@dataclass(frozen=True)
class Declaration:
    """The name of a problem, and its metrics.

    Parameters
    ----------
    name : str
        The name of the problem.
    metrics : tuple of DeclaredMetric
        The metrics, the one that is shown first at the front.
    gate : str
        The name of the metric that decides about promotions.
    """

    name: str = ""
    metrics: tuple[DeclaredMetric, ...] = ()
    gate: str = ""


def describe_metric(metric: "Metric") -> DeclaredMetric:
    """Return a metric without its functions."""
    return DeclaredMetric(metric.name, metric.higher_is_better, metric.title, metric.unit, metric.digits)
