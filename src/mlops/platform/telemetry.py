"""The seam of telemetry: runs that the platform's monitoring shows."""

from typing import Protocol

from mlops.record.ledger import RunRecord


class Telemetry(Protocol):
    """Tells the platform's monitoring of runs."""

    def record_run(self, run: RunRecord) -> None:
        """Send a run that has ended, with its steps; called by `mlops run`.

        What cannot be sent is logged, not raised.
        """
        ...
