"""Runs in Application Insights."""

from mlops.backends.azure.session import AzureSession


class AzureTelemetry:
    """Runs in Application Insights."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
