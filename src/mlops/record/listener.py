"""The listener to a run, apart from `mlops.runner`, which takes a second to import."""

from mlops.record.ledger import RunRecord, StepRecord


class Listener:
    """A listener to the progress of a run, such as the terminal or the reports.

    The base class ignores everything: override what yours needs. All methods are called in one thread.
    """

    def step_started(self, step: StepRecord) -> None:
        """Called when a step begins; others may be running."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """Called when `done` of a notebook's `cells` have been executed."""

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Called when a step ends or is skipped.

        Returns
        -------
        StepRecord
            Its record, perhaps with the report that was made of it; the next listener gets it, then the run.
        """
        return step

    def run_ended(self, run: RunRecord) -> None:
        """Called when the run ends, or waits for the process that executes its next step."""
