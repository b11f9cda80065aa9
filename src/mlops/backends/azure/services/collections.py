"""The place of the rows that services on Azure collect: the workspace's storage container `modeldata`."""

from contextlib import suppress

from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.secrets import AzureSecrets
from mlops.backends.azure.services.web_services import name_service
from mlops.errors import SecretNotFoundError
from mlops.platform.datasets import CollectedPlace

CONTAINER = "modeldata"
KEY = "collection-key"  # the secret with which columns are hashed


class AzureCollections:
    """See `mlops.platform.datasets.Collections`."""

    def __init__(self, session: AzureSession, secrets: AzureSecrets) -> None:
        self._session = session
        self._secrets = secrets

    def find_place(self, environment: str) -> CollectedPlace:
        """See `Collections`. The place has no folder: rows stay in the service's containers until they are uploaded."""
        with explain_refusals(self._session, "find the storage account of the workspace"):
            store = self._session.workspace.get_default_datastore()
        account = f"{store.account_name}.dfs.{store.endpoint}"
        service = name_service(self._session.settings, environment)
        return CollectedPlace(None, f"abfs://{CONTAINER}@{account}/{service}")

    def find_key(self) -> str:
        """See `Collections`."""
        with suppress(SecretNotFoundError):
            return self._secrets.get_secret(KEY)
        return ""
