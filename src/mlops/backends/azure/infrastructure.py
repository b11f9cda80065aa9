"""The workspace and all that belongs to it, as ARM templates."""

from mlops.backends.azure.session import AzureSession


class AzureInfrastructure:
    """The workspace and all that belongs to it, as ARM templates."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
