"""The base class for run listeners, in its own module because importing `mlops.runner` takes a second."""

from mlops.record.ledger import RunRecord, StepRecord


class Listener:
    """A listener that follows a run, such as the terminal or the reports.

    The base class does nothing. Override the methods that you need. All methods are called in one thread.
    """

    def step_started(self, step: StepRecord) -> None:
        """Handle the start of a step. Other steps may be running."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """Handle the end of a cell: `done` of the notebook's `cells` have been executed."""

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Handle the end of a step, which may have been skipped.

        Returns
        -------
        StepRecord
            The step's record, to which a listener can add a report. The next listener gets this record, and after the
            last listener the run stores it.
        """
        return step

    def run_ended(self, run: RunRecord) -> None:
        """Handle the end of the run, or of the part of a submitted run that this process executes."""
