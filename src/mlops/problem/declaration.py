"""The declaration of a problem in the record of a run, from which pages about the run are written."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.problem.metric import Metric


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric without its functions. The other fields are those of `Metric`."""

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
        The metrics, in the order in which pages show them.
    gate : str
        The name of the metric that decides about promotions.
    """

    name: str = ""
    metrics: tuple[DeclaredMetric, ...] = ()
    gate: str = ""


def describe_metric(metric: "Metric") -> DeclaredMetric:
    """Return a metric without its functions."""
    return DeclaredMetric(metric.name, metric.higher_is_better, metric.title, metric.unit, metric.digits)
