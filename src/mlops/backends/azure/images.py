"""Scoring images in the workspace's Container Registry."""

from mlops.backends.azure.session import AzureSession


class AzureImages:
    """Scoring images in the workspace's Container Registry."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
