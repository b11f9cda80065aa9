"""The listener that tells the platform's monitoring of runs that have ended."""

from mlops.platform.telemetry import Telemetry
from mlops.record.ledger import RunRecord, StepRecord


class TelemetryListener:
    """See `mlops.runner.plan.Listener`.

    Parameters
    ----------
    telemetry : Telemetry
        The platform's.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def step_started(self, step: StepRecord) -> None:
        """Say nothing: a run is told of as a whole."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """Say nothing."""

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Say nothing; the record stays as it is."""
        return step

    def run_ended(self, run: RunRecord) -> None:
        """Tell of the run, whose secrets have been struck out; a submitted one only once its last step has ended."""
        if run.state != "waiting":
            self._telemetry.record_run(run)
