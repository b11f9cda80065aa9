"""Monitoring of one machine: none, for the reports and the index say it."""

from mlops.record.ledger import RunRecord


class LocalTelemetry:
    """See `mlops.platform.telemetry.Telemetry`."""

    def record_run(self, run: RunRecord) -> None:
        """See `Telemetry`: ``run.json`` and the reports have it already."""
