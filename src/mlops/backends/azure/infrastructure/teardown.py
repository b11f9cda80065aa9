"""The deletion of everything that `mlops provision` created, and of nothing else."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.backends.azure.connection.settings import AzureSettings
from mlops.backends.azure.infrastructure.arm_template import (
    DEPLOY_SECONDS,
    MADE_BY,
    describe_resource,
    find_group,
    make_tags,
    read_template,
    wait_for,
)
from mlops.platform.infrastructure import Change

if TYPE_CHECKING:
    from azure.mgmt.keyvault import KeyVaultManagementClient
    from azure.mgmt.keyvault.models import DeletedVault
    from azure.mgmt.resource import ResourceManagementClient
    from azure.mgmt.resource.resources.models import GenericResourceExpanded

WORKSPACE = "microsoft.machinelearningservices/workspaces"
VAULT = "microsoft.keyvault/vaults"
LOGS = "microsoft.operationalinsights/workspaces"
FOR_GOOD = {WORKSPACE: {"forceToPurge": "true"}, LOGS: {"force": "true"}}  # otherwise Azure keeps the deleted resource
COMES_ALONG = {  # resources that Azure adds to Application Insights without tags, and the API version to delete them
    "microsoft.alertsmanagement/smartdetectoralertrules": "2021-04-01",
    "microsoft.insights/actiongroups": "2023-01-01",
}


@dataclass(frozen=True)
class Group:
    """A resource group, with the resources to delete (`made`) and the resources to keep (`others`).

    `ours` is True if `mlops provision` created the resource group.
    """

    exists: bool
    ours: bool
    made: "tuple[GenericResourceExpanded, ...]" = ()
    others: "tuple[GenericResourceExpanded, ...]" = ()


class Teardown:
    """The deletion of everything that `mlops provision` created in one resource group.

    Parameters
    ----------
    client : ResourceManagementClient
        The SDK's client for the subscription.
    vaults : KeyVaultManagementClient
        The SDK's client for Key Vaults.
    settings : AzureSettings
        The names of the resource group and the workspace.
    seconds : float
        The time limit for each operation on Azure, in seconds.
    """

    def __init__(
        self,
        client: "ResourceManagementClient",
        vaults: "KeyVaultManagementClient",
        settings: AzureSettings,
        seconds: float = DEPLOY_SECONDS,
    ) -> None:
        self._client = client
        self._vaults = vaults
        self._settings = settings
        self._seconds = seconds

    def list_changes(self) -> list[Change]:
        """Return the changes that `delete` would make."""
        group = self._look()
        changes = [describe_resource(found.id, "delete") for found in group.made]
        changes += [Change("delete", "Key Vault (deleted, not purged)", vault.name) for vault in self._list_deleted()]
        if group.exists and group.ours and not group.others:
            changes.append(Change("delete", "resource group", self._settings.resource_group))
        return changes

    def delete(self) -> list[Change]:
        """Delete everything that `mlops provision` created, and return the changes.

        The resource group is kept if it contains other resources, or if `mlops provision` did not create it.
        """
        from azure.core.exceptions import ResourceNotFoundError

        changes = self.list_changes()
        group = self._look()
        for found in group.made:
            options = FOR_GOOD.get(found.type.lower(), {})
            with suppress(ResourceNotFoundError):  # already deleted
                poller = self._client.resources.begin_delete_by_id(found.id, find_version(found.type), params=options)
                wait_for(poller, self._seconds, f"Deleting {found.name}")
        for vault in self._list_deleted():
            poller = self._vaults.vaults.begin_purge_deleted(vault.name, vault.properties.location)
            wait_for(poller, self._seconds, f"Purging {vault.name}")
        if group.exists and group.ours and not group.others:
            poller = self._client.resource_groups.begin_delete(self._settings.resource_group)
            wait_for(poller, self._seconds, f"Deleting {self._settings.resource_group}")
        return changes

    def _look(self) -> Group:
        name = self._settings.resource_group
        group = find_group(self._client, name)
        if group is None:
            return Group(exists=False, ours=False)
        ours = is_ours(group.tags, self._settings)
        found = list(self._client.resources.list_by_resource_group(name))
        kinds = list_kinds()  # tags are not enough, because a policy can copy the group's tags to other resources
        made = [one for one in found if is_ours(one.tags, self._settings) and one.type.lower() in kinds]
        along = [one for one in found if ours and one.type.lower() in COMES_ALONG and one not in made]
        others = tuple(one for one in found if one not in made and one not in along)
        return Group(True, ours, (*sorted(made, key=_find_deletion_order), *along), others)

    def _list_deleted(self) -> "Iterator[DeletedVault]":
        prefix = f"/resourcegroups/{self._settings.resource_group}/".lower()
        for vault in self._vaults.vaults.list_deleted():
            if prefix in vault.properties.vault_id.lower() and is_ours(vault.properties.tags, self._settings):
                yield vault


def is_ours(tags: dict[str, str] | None, settings: AzureSettings) -> bool:
    """Return whether these tags show that `mlops provision` created a resource for the workspace in the settings."""
    return make_tags(settings).items() <= (tags or {}).items() and MADE_BY in (tags or {}).items()


def find_version(resource_type: str) -> str:
    """Return the API version to use in requests that delete resources of this type."""
    return {**COMES_ALONG, **list_kinds()}[resource_type.lower()]


def list_kinds() -> dict[str, str]:
    """Return the API version of each top-level resource type in the ARM template, by the lower-case type name."""
    made = {str(resource["type"]).lower(): str(resource["apiVersion"]) for resource in read_template()["resources"]}
    return {kind: version for kind, version in made.items() if kind.count("/") == 1}


def _find_deletion_order(found: "GenericResourceExpanded") -> tuple[int, str]:
    kind = found.type.lower()
    return ({WORKSPACE: 0, VAULT: 2}.get(kind, 1), kind)
