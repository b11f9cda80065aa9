"""The rows that services on Azure collect: where they are stored, and which settings the services get."""

import msgspec

from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.secrets import AzureSecrets
from mlops.backends.azure.services.configuration import collects
from mlops.backends.azure.services.web_services import name_service
from mlops.backends.collecting import describe_collection, find_hash_key
from mlops.platform.datasets import CollectedPlace
from mlops.serving.collection.opening import CONTAINER, OWN_STORAGE, SETTINGS
from mlops.serving.telemetry.settings import SHARE

# Azure's server would log each answer, which has predictions.
LOG_NO_ANSWERS = {"APP_INSIGHTS_LOG_RESPONSE_ENABLED": "false"}


class AzureCollections:
    """See `mlops.platform.datasets.Collections`."""

    def __init__(self, session: AzureSession, secrets: AzureSecrets) -> None:
        self._session = session
        self._secrets = secrets

    def find_place(self, environment: str) -> CollectedPlace:
        """See `Collections`. The result has no `folder`: rows stay in the service's containers until their upload."""
        with explain_refusals(self._session, "find the storage account of the workspace"):
            store = self._session.workspace.get_default_datastore()
        account = f"{store.account_name}.dfs.{store.endpoint}"
        service = name_service(self._session.settings, environment)
        return CollectedPlace(None, f"abfs://{CONTAINER}@{account}/{service}")

    def require_ready(self, environment: str) -> None:
        """See `Collections`."""
        self.list_variables(environment)

    def find_key(self) -> str:
        """See `Collections`."""
        return find_hash_key(self._secrets.get_secret)

    def list_variables(self, environment: str) -> dict[str, str]:
        """Return the environment variables for the containers of the service in qa or production.

        Raises
        ------
        SecretNotFoundError
            If columns are to be hashed, but the key for this is not set; or if the secret named by `qa_collect_secret`
            is needed, but not set.
        """
        settings = self._session.settings
        always = {**LOG_NO_ANSWERS, SHARE: str(settings.telemetry_share)}
        if not collects(settings, environment):
            return always
        content = describe_collection(settings, self._secrets.get_secret, folder="")
        variables = {**always, SETTINGS: msgspec.json.encode(content).decode()}
        if environment == "qa":
            variables[OWN_STORAGE] = self._secrets.get_secret(settings.qa_collect_secret)
        return variables
