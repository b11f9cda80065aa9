"""The goal of a sweep, and the interface of listeners that follow a sweep."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlops.record.ledger import RunRecord, StepRecord
from mlops.sweeps.results import Point, Sweep

REPORT = "sweep.html"


class SweepListener:
    """A listener that follows a sweep. Its methods do nothing; override the ones that you need."""

    def sweep_started(self, run: RunRecord, sweep: Sweep) -> None:
        """Handle the start of a sweep."""

    def point_ended(self, point: Point) -> None:
        """Handle the end of a combination."""

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Handle the best combination before it is recorded as the result of the swept step.

        Returns
        -------
        StepRecord
            The record to save, to which a listener can add a report.
        """
        return step

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """Handle the end or the interruption of a sweep."""


@dataclass(frozen=True)
class Goal:
    """The goal of a sweep: the metric by which combinations are compared, and whether higher values are better.

    If `is_declared` is true, the problem declares the metric, so every training measures it.
    """

    metric: str
    maximize: bool = False
    is_declared: bool = field(default=False, compare=False)
