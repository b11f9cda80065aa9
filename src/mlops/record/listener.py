"""The base class for objects that follow a run.

The class is not in `mlops.runner`, because importing that package takes a second.
"""

from mlops.record.ledger import RunRecord, StepRecord


class Listener:
    """An object that follows a run, such as the terminal or the reports.

    The base class does nothing. Override the methods that you need. All methods are called in the same thread.
    """

    def step_started(self, step: StepRecord) -> None:
        """Handle the start of a step. Other steps may be running at the same time."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """Handle the end of a cell. So far, `done` of the `cells` cells of the notebook have been executed."""

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Handle the end of a step. Also called for a step that is skipped.

        Returns
        -------
        StepRecord
            The record of the step. A listener can add a report to it. The next listener gets the returned record, and
            the run stores the record that the last listener returns.
        """
        return step

    def run_ended(self, run: RunRecord) -> None:
        """Handle the end of the run. For a submitted run, this is the end of the part that this process executes."""
