"""The goal of a sweep, and the listener to its progress."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.record.ledger import RunRecord, StepRecord
from mlops.sweeps.results import Point, Sweep

STEP = "sweep"  # of the run's record: how the combinations fared; the step that is swept follows with the best one
REPORT = "sweep.html"


class SweepListener:
    """A listener to the progress of a sweep; like `mlops.record.listener.Listener`, it ignores everything."""

    def sweep_started(self, run: RunRecord, sweep: Sweep) -> None:
        """Called before the first combinations begin."""

    def point_ended(self, point: Point) -> None:
        """Called when a combination ends."""

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Called when the best combination is about to be recorded as the swept step.

        Returns
        -------
        StepRecord
            Its record, perhaps with the report that was made of it; the next listener gets it, then the run.
        """
        return step

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """Called when the sweep ends or is interrupted."""


@dataclass(frozen=True)
class Goal:
    """The goal of a sweep: the metric to compare by, and whether higher is better."""

    metric: str
    maximize: bool = False
