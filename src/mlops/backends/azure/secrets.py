"""Secrets in Key Vault."""

from mlops.backends.azure.session import AzureSession


class AzureSecrets:
    """Secrets in Key Vault."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
