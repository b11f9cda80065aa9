"""The datastore service: the workspace's default datastore is a blob container."""

import re
from typing import TYPE_CHECKING, Any

from doubles.azure.names import ACCOUNT, API, GROUP, SUBSCRIPTION, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = rf"(?i:{re.escape(API)}/datastore/v1\.0{re.escape(WORKSPACE_ID)})"
DEFAULT = "workspaceblobstore"


class Datastores:
    """The datastores: the default one."""

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        azure.route("GET", rf"{BASE}/default")(lambda request: Response(body=self.describe_default()))
        azure.route("GET", rf"{BASE}/datastores")(lambda request: Response(body={"value": [self.describe_default()]}))
        azure.route("GET", rf"{BASE}/datastores/(?P<name>[^/]+)")(self._get)

    def describe_default(self) -> dict[str, Any]:
        """Return the default datastore, which has no key, because the identity of the caller opens it."""
        storage = {
            "accountName": ACCOUNT,
            "containerName": self._azure.blobs.container,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentialType": "None",
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": GROUP,
        }
        return {
            "name": DEFAULT,
            "dataStoreType": "AzureBlob",
            "hasBeenValidated": True,
            "tags": {},
            "azureStorageSection": storage,
        }

    def _get(self, request: Request) -> Response:
        if request["name"] != DEFAULT:
            return make_error(404, "UserError", f"Could not find datastore: {request['name']}")
        return Response(body=self.describe_default())
