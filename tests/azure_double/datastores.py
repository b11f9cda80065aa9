"""The workspace's datastores: the default one, which comes with it, on the double's blob container."""

from typing import TYPE_CHECKING, Any

from azure_double.azurite import KEY
from azure_double.names import ACCOUNT, API, GROUP, SUBSCRIPTION, WORKSPACE_ID
from azure_double.routing import Request, Response, make_error

if TYPE_CHECKING:
    from azure_double.azure import Azure

DEFAULT = "workspaceblobstore"


class Datastores:
    """Datastores: the default one."""

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        base = rf"{API}/datastore/v1\.0{WORKSPACE_ID}"
        azure.route("GET", rf"(?i:{base})/default")(lambda request: Response(body=self._describe()))
        azure.route("GET", rf"(?i:{base})/datastores/(?P<name>[^/]+)")(self._get)
        azure.route("GET", rf"(?i:{base})/datastores")(lambda request: Response(body={"value": [self._describe()]}))

    def _get(self, request: Request) -> Response:
        if request["name"] != DEFAULT:
            return make_error(404, "UserError", f"Could not find datastore with name: {request['name']}")
        return Response(body=self._describe())

    def _describe(self) -> dict[str, Any]:
        return {
            "name": DEFAULT,
            "dataStoreType": "AzureBlob",
            "azureStorageSection": {
                "accountName": ACCOUNT,
                "containerName": self._azure.blobs.container,
                "endpoint": "core.windows.net",
                "protocol": "https",
                "credentialType": "AccountKey",
                "credential": KEY,
                "isSas": False,
                "accountKey": KEY,
                "sasToken": None,
                "subscriptionId": SUBSCRIPTION,
                "resourceGroup": GROUP,
            },
        }
