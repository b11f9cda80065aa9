"""The interface to telemetry: runs in the platform's own monitoring."""

from typing import Protocol

from mlops.record.ledger import RunRecord


class Telemetry(Protocol):
    """The platform's own monitoring, to which finished runs are sent."""

    def record_run(self, run: RunRecord) -> None:
        """Send a finished run with its steps to the platform's monitoring; called by `mlops run`.

        If sending fails, the error is logged, not raised.
        """
        ...
