"""The goal of a sweep, and the listener that follows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.record.ledger import RunRecord, StepRecord
from mlops.sweeps.results import Point, Sweep

REPORT = "sweep.html"


class SweepListener:
    """A listener that follows a sweep. Its methods do nothing; override the ones that you need."""

    def sweep_started(self, run: RunRecord, sweep: Sweep) -> None:
        """Handle the start of a sweep, before its first combinations begin."""

    def point_ended(self, point: Point) -> None:
        """Handle the end of a combination."""

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Handle the best combination, before it is recorded as the swept step.

        Returns
        -------
        StepRecord
            The step's record, to which a listener can add a report. The next listener gets this record, and the run
            keeps the last one.
        """
        return step

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """Handle the end or the interruption of a sweep."""


@dataclass(frozen=True)
class Goal:
    """The goal of a sweep: the metric to compare by, and whether higher is better."""

    metric: str
    maximize: bool = False
