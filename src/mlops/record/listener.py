"""The base class for objects that follow a run."""

# The class is in this package, because importing `mlops.runner` takes a second.

from mlops.record.ledger import RunRecord, StepRecord


class Listener:
    """An object that is notified of the events of a run, for example to show progress or to write reports.

    The methods of this class do nothing. Override the methods that you need. All methods are called in the same thread.
    """

    def step_started(self, step: StepRecord) -> None:
        """Handle the start of a step. Other steps may be running."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """Handle the end of a cell: `done` cells have now been executed, and the notebook has `cells` cells in all."""

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Handle the end of a step, or the decision to skip it.

        Returns
        -------
        StepRecord
            The record of the step, to which a listener can add a report. The run stores this record.
        """
        return step

    def run_ended(self, run: RunRecord) -> None:
        """Handle the end of the run or, if its steps run in different processes, the end of this process's part."""
