"""The listener that reports runs to the platform's monitoring."""

from mlops.platform.telemetry import Telemetry
from mlops.record.ledger import RunRecord
from mlops.record.listener import Listener


class TelemetryListener(Listener):
    """A listener that reports finished runs to the platform's monitoring.

    Parameters
    ----------
    telemetry : Telemetry
        The monitoring of the platform.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def run_ended(self, run: RunRecord) -> None:
        """Send a finished run to the monitoring."""
        if run.state != "waiting":
            self._telemetry.record_run(run)
