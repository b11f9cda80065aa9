"""Model versions in the workspace's model registry."""

from mlops.backends.azure.session import AzureSession


class AzureRegistry:
    """Model versions in the workspace's model registry."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
