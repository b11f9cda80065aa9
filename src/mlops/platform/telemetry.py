"""The seam of telemetry: runs that the platform's monitoring shows."""

from typing import Protocol

from mlops.record.ledger import RunRecord


class Telemetry(Protocol):
    """The platform's monitoring, which shows runs."""

    def record_run(self, run: RunRecord) -> None:
        """Send a finished run with its steps; called by `mlops run`.

        What cannot be sent is logged, not raised.
        """
        ...
