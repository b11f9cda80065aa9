"""The base class for objects that follow a run."""

# The class is not in `mlops.runner`, because importing that package takes a second.

from mlops.record.ledger import RunRecord, StepRecord


class Listener:
    """An object that is notified of the events of a run, such as the terminal or the reports.

    The methods of this class do nothing. Override those that you need. All of them are called in the same thread.
    """

    def step_started(self, step: StepRecord) -> None:
        """Handle the start of a step, while other steps may be running."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """Handle the end of a cell: `done` of the notebook's `cells` cells have been executed."""

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Handle the end of a step, or the decision to skip it.

        Returns
        -------
        StepRecord
            The record of the step, to which a listener can add a report. The run stores this record.
        """
        return step

    def run_ended(self, run: RunRecord) -> None:
        """Handle the end of the run, or of the part of it that this process executes."""
