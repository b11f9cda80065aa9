"""The deployment of the workspace's ARM template: preview, check, and set-up."""

import json
import time
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mlops.backends.azure.connection.answers import ReportedError, has_code
from mlops.backends.azure.connection.settings import AzureSettings
from mlops.errors import PlatformError
from mlops.platform.infrastructure import Change, ChangeKind

if TYPE_CHECKING:
    from azure.core.polling import LROPoller
    from azure.mgmt.resource import ResourceManagementClient
    from azure.mgmt.resource.resources.models import ResourceGroup

MADE_BY = ("made-by", "notebook-mlops")
MAKES_CLUSTER = "[variables('makesCluster')]"  # the condition of resources that only a new cluster needs
DEPLOYMENT = "mlops-provision"
WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
COMPUTES_VERSION = "2025-12-01"  # the API version in the template
DEPLOY_SECONDS = 3600.0  # the creation of a Kubernetes cluster takes 15 minutes
OTHER_SECONDS = 5.0  # pause between two checks whether another deployment is still running
RETRIES = 5  # azure-core retries GET and PUT after 429, 5xx and lost connections, and respects Retry-After
KINDS: dict[str, ChangeKind] = {"Create": "create", "Delete": "delete", "Modify": "modify", "Deploy": "modify"}
NAMED_BY_AZURE = "(named by Azure)"
NAMES = {  # names for display
    "microsoft.authorization/roleassignments": "role assignment",
    "microsoft.containerregistry/registries": "Container Registry",
    "microsoft.containerservice/managedclusters": "Kubernetes cluster",
    "microsoft.insights/components": "Application Insights",
    "microsoft.keyvault/vaults": "Key Vault",
    "microsoft.keyvault/vaults/secrets": "secret",
    "microsoft.machinelearningservices/workspaces": "Machine Learning workspace",
    "microsoft.machinelearningservices/workspaces/computes": "compute",
    "microsoft.machinelearningservices/workspaces/datastores": "datastore",
    "microsoft.operationalinsights/workspaces": "Log Analytics workspace",
    "microsoft.storage/storageaccounts": "storage account",
    "microsoft.storage/storageaccounts/blobservices": "blob service",
    "microsoft.storage/storageaccounts/blobservices/containers": "blob container",
}


def read_template() -> dict[str, Any]:
    """Return the ARM template of the workspace and its resources."""
    text = files("mlops.backends.azure.infrastructure").joinpath("templates/workspace.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def make_tags(settings: AzureSettings) -> dict[str, str]:
    """Return the tags of all resources that `mlops provision` creates."""
    return {MADE_BY[0]: MADE_BY[1], "workspace": settings.workspace}


def make_parameters(settings: AzureSettings, *, attach: bool = True) -> dict[str, object]:
    """Return the parameters of the ARM template; `attach` says whether to attach the Kubernetes cluster."""
    return {
        "attachKubernetes": attach,
        "workspace": settings.workspace,
        "location": settings.location,
        "computeName": settings.compute_name,
        "computeVmSize": settings.compute_vm_size,
        "computeMinNodes": settings.compute_min_nodes,
        "computeMaxNodes": settings.compute_max_nodes,
        "computeIdleTime": f"PT{settings.compute_idle_seconds}S",
        "computePriority": {"lowpriority": "LowPriority", "dedicated": "Dedicated"}[settings.compute_priority],
        "kubernetesName": settings.kubernetes_name,
        "kubernetesResourceId": settings.kubernetes_resource_id,
        "kubernetesVmSize": settings.kubernetes_vm_size,
        "kubernetesMinNodes": settings.kubernetes_min_nodes,
        "kubernetesMaxNodes": settings.kubernetes_max_nodes,
    }


class TemplateDeployment:
    """The deployment of the workspace's ARM template to a resource group.

    Parameters
    ----------
    client : ResourceManagementClient
        The SDK's client for the subscription.
    settings : AzureSettings
        The settings with the name of the resource group and the parameters of the template.
    seconds : float
        The time limit for each operation on Azure, in seconds.
    """

    def __init__(
        self, client: "ResourceManagementClient", settings: AzureSettings, seconds: float = DEPLOY_SECONDS
    ) -> None:
        self._client = client
        self._settings = settings
        self._seconds = seconds

    def list_changes(self) -> list[Change]:
        """Return the changes that a deployment to the existing resource group would make.

        Raises
        ------
        ReportedError
            If Azure reports an error instead of changes.
        """
        poller = self._client.deployments.begin_what_if(
            self._settings.resource_group, DEPLOYMENT, {"properties": {**self._properties, "whatIfSettings": {}}}
        )
        result = wait_for(poller, self._seconds, "Asking Azure what would change")
        if result.error:
            raise ReportedError(result.error.as_dict())
        shown = [change for change in result.changes or () if change.change_type not in ("Ignore", "Unsupported")]
        found = [describe_resource(change.resource_id, KINDS.get(change.change_type, "none")) for change in shown]
        return sorted(found, key=lambda change: (change.resource, change.name))

    def list_all(self) -> list[Change]:
        """Return the changes that a deployment to a new resource group would make."""
        given = make_parameters(self._settings)
        return [
            Change("create", name_kind(resource["type"]), _evaluate_name(str(resource["name"]), given))
            for resource in read_template()["resources"]
            if not (resource.get("condition") == MAKES_CLUSTER and self._settings.kubernetes_resource_id)
        ]

    def check(self) -> None:
        """Ask Azure to check names, quotas and permissions, without creating anything.

        Raises
        ------
        ReportedError
            If Azure finds a problem.
        """
        poller = self._client.deployments.begin_validate(
            self._settings.resource_group, DEPLOYMENT, {"properties": self._properties}
        )
        result = wait_for(poller, self._seconds, "Checking the template")
        if result.error:
            raise ReportedError(result.error.as_dict())

    def deploy(self) -> None:
        """Create missing resources. If another deployment is still running, wait for it first."""
        from azure.core.exceptions import HttpResponseError

        try:
            self._deploy()
        except HttpResponseError as error:
            if not has_code(error, "DeploymentActive"):
                raise
            self._wait_for_other()
            self._deploy()

    def _deploy(self) -> None:
        poller = self._client.deployments.begin_create_or_update(
            self._settings.resource_group, DEPLOYMENT, {"properties": self._properties}
        )
        wait_for(poller, self._seconds, f"Setting up {self._settings.workspace}")

    def _wait_for_other(self) -> None:
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            found = self._client.deployments.get(self._settings.resource_group, DEPLOYMENT)
            if found.properties.provisioning_state in ("Succeeded", "Failed", "Canceled"):
                return
            time.sleep(OTHER_SECONDS)
        raise PlatformError(
            f"Another deployment of {self._settings.workspace} is still running after {self._seconds:.0f} s. Wait for "
            f"it with `az deployment group wait -g {self._settings.resource_group} -n {DEPLOYMENT} --created`, then "
            "run `mlops provision --platform azure`."
        )

    @cached_property
    def _is_attached(self) -> bool:
        from azure.core.exceptions import ResourceNotFoundError

        settings = self._settings
        group = f"/subscriptions/{settings.subscription_id}/resourceGroups/{settings.resource_group}/providers"
        made = f"{group}/Microsoft.ContainerService/managedClusters/{settings.kubernetes_name}"
        compute = f"{group}/{WORKSPACES}/{settings.workspace}/computes/{settings.kubernetes_name}"
        try:
            found = self._client.resources.get_by_id(compute, COMPUTES_VERSION).properties
        except ResourceNotFoundError:
            return False
        wanted = settings.kubernetes_resource_id or made
        same = str(found["resourceId"]).lower() == wanted.lower()
        return same and found["provisioningState"] == "Succeeded"

    @property
    def _properties(self) -> dict[str, object]:
        # Attaching the cluster again would break the attachment.
        given = make_parameters(self._settings, attach=not self._is_attached)
        parameters = {name: {"value": value} for name, value in given.items()}
        return {"mode": "Incremental", "template": read_template(), "parameters": parameters}


def find_group(client: "ResourceManagementClient", name: str) -> "ResourceGroup | None":
    """Return a resource group, or None if it does not exist.

    Raises
    ------
    ResourceNotFoundError
        If the subscription does not exist.
    """
    from azure.core.exceptions import ResourceNotFoundError

    # Azure's HEAD request is not used: its answer is the same for a missing subscription and for a missing group.
    try:
        return client.resource_groups.get(name)
    except ResourceNotFoundError as error:
        if has_code(error, "ResourceGroupNotFound"):
            return None
        raise


def wait_for(poller: "LROPoller[Any]", seconds: float, doing: str) -> Any:
    """Wait for an operation on Azure, and return its result.

    Parameters
    ----------
    poller : LROPoller
        The SDK's poller of the operation.
    seconds : float
        The time limit in seconds.
    doing : str
        The operation, as the error message names it, such as "Deleting mlops-ws".

    Raises
    ------
    PlatformError
        If the operation is still running after `seconds` seconds.
    """
    poller.wait(seconds)
    if not poller.done():
        raise PlatformError(
            f"{doing} did not finish within {seconds:.0f} s and continues on Azure. Run the same command again."
        )
    return poller.result()


def describe_resource(resource_id: str, kind: ChangeKind) -> Change:
    """Return a `Change` of the given kind, with the type and name of the resource that has this id."""
    parts = resource_id.split("/providers/")[-1].split("/")
    return Change(kind, name_kind("/".join([parts[0], *parts[1::2]])), "/".join(parts[2::2]))


def name_kind(resource_type: str) -> str:
    """Return the display name of a type of resource, or the type itself if it has none."""
    return NAMES.get(resource_type.lower(), resource_type)


def _evaluate_name(expression: str, given: Mapping[str, object]) -> str:
    shown = expression.strip("[]")
    for name, value in given.items():
        shown = shown.replace(f"parameters('{name}')", f"'{value}'")
    if "variables(" in shown or "guid(" in shown:
        return NAMED_BY_AZURE
    return "".join(part for part in shown.removeprefix("concat(").removesuffix(")").split("'")[1::2])
