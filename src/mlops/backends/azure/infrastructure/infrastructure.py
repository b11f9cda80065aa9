"""The set-up and the deletion of the workspace and its resources on Azure."""

from contextlib import AbstractContextManager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from mlops.backends.azure.connection.refusals import RESOURCES, explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import require_subscription
from mlops.backends.azure.infrastructure.arm_template import (
    RETRIES,
    TemplateDeployment,
    find_group,
    make_tags,
    wait_for,
)
from mlops.backends.azure.infrastructure.teardown import Teardown
from mlops.errors import PlatformError, UsageError, WorkspaceNotFoundError
from mlops.platform.infrastructure import Change
from mlops.platform.services import ENVIRONMENTS

if TYPE_CHECKING:
    from azure.mgmt.resource import ResourceManagementClient

DELETE_SECONDS = 600.0
POLL_SECONDS = 10.0  # pause between two polls if Azure does not name a pause


class EndsServices(Protocol):
    """An object that can delete the services of the workspace."""

    def end(self, environment: str) -> bool:
        """Delete the service of an environment, and return whether the service existed."""
        ...


class AzureInfrastructure:
    """See `mlops.platform.infrastructure.Infrastructure`.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace.
    services : EndsServices
        An object that deletes the services before the workspace is deleted.
    """

    def __init__(self, session: AzureSession, services: EndsServices) -> None:
        self._session = session
        self._settings = session.settings
        self._services = services

    def preview(self) -> list[Change]:
        """See `Infrastructure`."""
        group = self._settings.resource_group
        with self._asking("preview the changes to"):
            if find_group(self._client, group) is None:
                return [Change("create", "resource group", group), *self._deployment.list_all()]
            return [Change("none", "resource group", group), *self._deployment.list_changes()]

    def provision(self) -> list[Change]:
        """See `Infrastructure`."""
        with self._asking("set up"):
            made = self._make_group()
            self._check_or_delete_new_group(made)
            changes = [*made, *self._deployment.list_changes()]
            self._deployment.deploy()
        return [change for change in changes if change.kind != "none"]

    def require_ready(self) -> None:
        """See `Infrastructure`.

        Raises
        ------
        UsageError
            If the workspace does not store its images in the Container Registry that the settings name.
        """
        with explain_refusals(self._session, f"open the workspace {self._settings.workspace}"):
            workspace = self._session.workspace
            given = self._settings.container_registry
            found = str(workspace.get_details().get("containerRegistry", "")).rsplit("/", 1)[-1] if given else ""
        if given.lower() != found.lower():
            raise UsageError(
                f"azure.container_registry is {given!r}, but {workspace.name} stores its images in {found!r}, so new "
                f"images would not start a release. Set azure.container_registry, and the parameter `registry` in "
                f".ci/azure-pipelines/release.yml, to {found!r}."
            )

    def preview_delete(self) -> list[Change]:
        """See `Infrastructure`."""
        with self._asking("preview the deletion of"):
            return self._teardown.list_changes()

    def delete(self) -> list[Change]:
        """See `Infrastructure`."""
        with self._asking("delete"):
            changes = self._teardown.list_changes()
            if changes:
                self._end_services()
                self._teardown.delete()
            return changes

    def _make_group(self) -> list[Change]:
        group = self._settings.resource_group
        if find_group(self._client, group) is not None:
            return []
        given = {"location": self._settings.location, "tags": make_tags(self._settings)}
        self._client.resource_groups.create_or_update(group, given)
        return [Change("create", "resource group", group)]

    def _check_or_delete_new_group(self, made: list[Change]) -> None:
        try:
            with self._asking("set up"):
                self._deployment.check()
        except PlatformError:
            if made:
                poller = self._client.resource_groups.begin_delete(self._settings.resource_group)
                wait_for(poller, DELETE_SECONDS, "Deleting the new resource group")
            raise

    def _end_services(self) -> None:
        with suppress(WorkspaceNotFoundError), explain_refusals(self._session, "delete the services"):
            for environment in ENVIRONMENTS:
                self._services.end(environment)

    def _asking(self, verb: str) -> AbstractContextManager[None]:
        place = f"the workspace {self._settings.workspace} in the resource group {self._settings.resource_group}"
        return explain_refusals(self._session, f"{verb} {place}", RESOURCES)

    @property
    def _deployment(self) -> TemplateDeployment:
        return TemplateDeployment(self._client, self._settings)

    @property
    def _teardown(self) -> Teardown:
        from azure.mgmt.keyvault import KeyVaultManagementClient

        vaults = KeyVaultManagementClient(self._session.credential, self._subscription, **self._client_options)
        return Teardown(self._client, vaults, self._settings)

    @cached_property
    def _client(self) -> "ResourceManagementClient":
        from azure.mgmt.resource import ResourceManagementClient

        return ResourceManagementClient(self._session.credential, self._subscription, **self._client_options)

    @property
    def _subscription(self) -> str:
        return require_subscription(self._settings)

    @property
    def _client_options(self) -> dict[str, float]:
        bounds = {"polling_interval": POLL_SECONDS, "retry_total": RETRIES, "retry_status": RETRIES}
        return {**self._session.client_options, **bounds}
