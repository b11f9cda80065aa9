"""Resource Manager's view of the subscription and its workspace, and the workspace's discovery of its services."""

from typing import TYPE_CHECKING, Any

from doubles.azure.names import (
    ACCOUNT,
    API,
    ARM,
    GROUP_ID,
    INSIGHTS,
    LOCATION,
    LOGIN,
    REGISTRY,
    SUBSCRIPTION,
    TENANT,
    VAULT,
    WORKSPACE,
    WORKSPACE_ID,
)
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

CLOUD = {  # the public cloud, as in https://management.azure.com/metadata/endpoints
    "name": "AzureCloud",
    "portal": "https://portal.azure.com",
    "resourceManager": f"https://{ARM}/",
    "authentication": {
        "loginEndpoint": f"https://{LOGIN}/",
        "audiences": ["https://management.core.windows.net/", f"https://{ARM}/"],
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "graph": "https://graph.windows.net/",
    "graphAudience": "https://graph.windows.net/",
    "gallery": "https://gallery.azure.com/",
    "batch": "https://batch.core.windows.net/",
    "media": "https://rest.media.azure.net",
    "sqlManagement": "https://management.core.windows.net:8443/",
    "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/aliases.json",
    "activeDirectoryDataLake": "https://datalake.azure.net/",
    "suffixes": {
        "acrLoginServer": "azurecr.io",
        "keyVaultDns": "vault.azure.net",
        "sqlServerHostname": "database.windows.net",
        "storage": "core.windows.net",
        "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
    },
}
SERVICES = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio", "mlflow", "pipelines")


class Workspaces:
    """One subscription with one workspace; `exists` is False before it was provisioned."""

    def __init__(self) -> None:
        self.exists = True

    def install(self, azure: "Azure") -> None:
        subscription = {
            "id": f"/subscriptions/{SUBSCRIPTION}",
            "subscriptionId": SUBSCRIPTION,
            "tenantId": TENANT,
            "displayName": "the double's",
            "state": "Enabled",
        }
        azure.route("GET", rf"{ARM}/metadata/endpoints")(lambda request: Response(body=[CLOUD]))
        azure.route("GET", rf"{ARM}/subscriptions")(lambda request: Response(body={"value": [subscription]}))
        azure.route(
            "GET", rf"{ARM}/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/workspaces/(?P<name>[^/]+)"
        )(self._get)
        azure.route("GET", rf"{API}/discovery")(
            lambda request: Response(body=dict.fromkeys(SERVICES, f"https://{API}"))
        )

    def _get(self, request: Request) -> Response:
        if not self.exists or request.path.lower() != WORKSPACE_ID.lower():
            return make_error(404, "ResourceNotFound", f"The Resource '{request['name']}' was not found.")
        return Response(body=describe_workspace())


def describe_workspace() -> dict[str, Any]:
    """Return the workspace as Resource Manager does."""
    providers = f"{GROUP_ID}/providers"
    return {
        "id": WORKSPACE_ID,
        "name": WORKSPACE,
        "location": LOCATION,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "properties": {
            "workspaceId": "33333333-3333-3333-3333-333333333333",
            "discoveryUrl": f"https://{API}/discovery",
            "provisioningState": "Succeeded",
            "storageAccount": f"{providers}/Microsoft.Storage/storageAccounts/{ACCOUNT}",
            "keyVault": f"{providers}/Microsoft.KeyVault/vaults/{VAULT}",
            "containerRegistry": f"{providers}/Microsoft.ContainerRegistry/registries/{REGISTRY}",
            "applicationInsights": f"{providers}/microsoft.insights/components/{INSIGHTS}",
        },
    }
