"""What a sweep is for, and who is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mlops.record.ledger import RunRecord, StepRecord
from mlops.sweeps.results import Point, Sweep

STEP = "sweep"  # of the run's record: how the combinations fared; the step that is swept follows with the best one
REPORT = "sweep.html"


class Watcher(Protocol):
    """Who is told of a sweep's progress: the terminal, the report."""

    def sweep_started(self, run: RunRecord, sweep: Sweep) -> None:
        """Hear that the first combinations begin."""

    def point_ended(self, point: Point) -> None:
        """Hear how a combination ended."""

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Hear that the best one now stands as the swept step; return its record, perhaps with a report."""
        ...

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """Hear how the sweep ended; an interrupted one, too."""


@dataclass(frozen=True)
class Goal:
    """What is best: the result of the notebook that judges, and whether higher is better."""

    metric: str
    maximize: bool = False
