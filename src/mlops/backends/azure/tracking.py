"""Trainings as runs of an experiment."""

from mlops.backends.azure.session import AzureSession


class AzureTracker:
    """Trainings as runs of an experiment."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
