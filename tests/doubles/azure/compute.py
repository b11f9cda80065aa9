"""Computes of the workspace, in the format of the SDK's ComputeTarget: the deployed ones, or the default ones."""

from typing import TYPE_CHECKING, Any

from doubles.azure.names import API, ARM, GROUP_ID, LOCATION, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

STATES = ("preparing", "running", "idle", "unusable", "leaving", "preempted")
CLUSTER = {
    "vmSize": "Standard_DS2_v2",
    "vmPriority": "LowPriority",
    "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT300S"},
}
DEFAULT = {"cpu-cluster": {"computeType": "AmlCompute", "properties": CLUSTER}, "aks": {"computeType": "AKS"}}


class Computes:
    """The computes; `missing` names computes that do not exist."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        pattern = rf"({ARM}|{API}/rp/workspaces){WORKSPACE_ID}/computes"
        azure.route("GET", rf"(?i:{pattern})/(?P<name>[^/]+)")(self._get)
        azure.route("GET", rf"(?i:{pattern})")(self._list)

    def _find(self, name: str) -> dict[str, Any] | None:
        deployed = self._azure.deployments.find(f"{WORKSPACE_ID}/computes/{name}")
        given = deployed["properties"] if deployed else DEFAULT.get(name)
        if given is None or name in self.missing or not self._azure.workspaces.exists:
            return None
        return describe_compute(name, given)

    def _get(self, request: Request) -> Response:
        found = self._find(request["name"])
        if found is None:
            return make_error(404, "ResourceNotFound", f"The compute '{request['name']}' was not found.")
        return Response(body=found)

    def _list(self, request: Request) -> Response:
        prefix = f"{WORKSPACE_ID}/computes/".lower()
        deployed = [one["name"] for key, one in self._azure.deployments.resources.items() if key.startswith(prefix)]
        found = [self._find(name) for name in dict.fromkeys([*deployed, *DEFAULT])]
        return Response(body={"value": [one for one in found if one]})


def describe_compute(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return a compute in the format of Resource Manager."""
    aml = given["computeType"] == "AmlCompute"
    cluster = f"{GROUP_ID}/providers/Microsoft.ContainerService/managedClusters/{name}"
    return {
        "id": f"{WORKSPACE_ID}/computes/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "location": LOCATION,
        "tags": {},
        "properties": {
            "computeType": given["computeType"],
            "computeLocation": LOCATION,
            "description": "",
            "provisioningState": "Succeeded",
            "provisioningErrors": None,
            "isAttachedCompute": not aml,
            "createdOn": "2026-11-22T19:00:00+00:00",
            "modifiedOn": "2026-11-22T19:00:00+00:00",
            "resourceId": None if aml else given.get("resourceId", cluster),
            "properties": _describe_cluster(given["properties"]) if aml else _describe_kubernetes(name),
        },
    }


def _describe_cluster(given: dict[str, Any]) -> dict[str, Any]:
    return {
        **given,
        "subnet": None,
        "errors": None,
        "allocationState": "Steady",
        "allocationStateTransitionTime": "2026-11-22T19:00:00+00:00",
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {f"{state}NodeCount": 0 for state in STATES},
    }


def _describe_kubernetes(name: str) -> dict[str, Any]:
    return {
        "agentVmSize": "Standard_DS3_v2",
        "agentCount": 3,
        "clusterPurpose": "FastProd",
        "clusterFqdn": f"{name}.hcp.{LOCATION}.azmk8s.io",
        "systemServices": None,
        "loadBalancerType": "PublicIp",
        "loadBalancerSubnet": None,
        "sslConfiguration": None,
        "aksNetworkingConfiguration": None,
    }
