"""The interface to telemetry: runs in the platform's own monitoring."""

from typing import Protocol

from mlops.record.ledger import RunRecord


class Telemetry(Protocol):
    """The platform's monitoring, which shows runs."""

    def record_run(self, run: RunRecord) -> None:
        """Send a finished run with its steps; called by `mlops run`.

        If sending fails, the error is logged, not raised.
        """
        ...
