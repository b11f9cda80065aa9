"""Failures of the set-up: a message with the fix, no unfinished resources, and a second attempt that succeeds."""

import time

import pytest
from doubles.azure.azure import Azure
from doubles.azure.names import ACCOUNT, GROUP, VAULT, WORKSPACE_ID
from doubles.azure.routing import Response, make_error

from mlops.backends import open_backend
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.infrastructure.arm_template import TemplateDeployment
from mlops.backends.azure.infrastructure.infrastructure import AzureInfrastructure
from mlops.errors import PlatformError, UsageError
from mlops.workspace import Workspace

SOON = {"Retry-After": "0.01"}
PUT = "/deployments/mlops-provision$"


def is_whole(azure: Azure, infrastructure: AzureInfrastructure) -> bool:
    """Return whether all resources exist, and `provision` would change nothing."""
    changes = infrastructure.preview()
    return azure.workspaces.exists and {change.kind for change in changes} == {"none"}


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (
            "Microsoft.Storage/storageAccounts",
            ACCOUNT,
            rf"StorageAccountAlreadyTaken: .*{ACCOUNT}.*Choose another name for the workspace",
        ),
        (
            "Microsoft.KeyVault/vaults",
            VAULT,
            rf"VaultAlreadyExists: .*'{VAULT}'.*Choose another name for the workspace",
        ),
        (
            "Microsoft.ContainerRegistry/registries",
            ACCOUNT,
            r"AlreadyInUse: .*azurecr\.io.*Choose another name for the workspace",
        ),
    ],
)
def test_a_name_that_is_taken_leaves_nothing(
    infrastructure: AzureInfrastructure, azure: Azure, kind: str, name: str, said: str
) -> None:
    azure.deployments.taken = {kind: name}
    with pytest.raises(PlatformError, match=said):
        infrastructure.provision()
    assert (azure.deployments.groups, azure.deployments.resources) == ({}, {})
    azure.deployments.taken = {}
    infrastructure.provision()
    assert is_whole(azure, infrastructure)


def test_who_may_not_open_the_blobs_takes_all_away_all_the_same(azure: Azure, workspace: Workspace) -> None:
    """The owner of a subscription may not read blobs, and the locks of services are blobs."""
    platform = open_backend("azure", workspace)
    azure.deployments.start_empty()
    platform.infrastructure.provision()
    azure.fail_next("PUT", "locks/", make_error(403, "AuthorizationPermissionMismatch", "no role"), times=99)
    platform.infrastructure.delete()
    assert not azure.workspaces.exists


def test_a_workspace_that_cannot_be_asked_for_its_services_stays(azure: Azure, workspace: Workspace) -> None:
    """Otherwise the container of QA would remain and be billed."""
    azure.deployments.start_empty()
    open_backend("azure", workspace).infrastructure.provision()
    azure.fail_next("GET", f"{WORKSPACE_ID}$", make_error(503, "ServerBusy", "busy"), times=9)
    with pytest.raises(PlatformError, match="Could not open the workspace .*busy"):
        open_backend("azure", workspace).infrastructure.delete()
    assert azure.workspaces.exists


def test_a_group_of_others_survives_a_refusal(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    azure.deployments.groups[GROUP] = {}
    azure.deployments.taken = {"Microsoft.KeyVault/vaults": VAULT}
    with pytest.raises(PlatformError):
        infrastructure.provision()
    assert azure.deployments.groups == {GROUP: {}}


def test_a_vault_that_is_kept_deleted_says_how_to_free_it(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    azure.deployments.deleted_vaults[VAULT] = {"id": "/subscriptions/s/resourceGroups/old/x", "tags": {}}
    with pytest.raises(PlatformError, match=r"deleted state.*`az keyvault purge --name NAME`.*recover"):
        infrastructure.provision()


def test_a_workspace_that_is_kept_deleted_says_how_to_free_it(
    infrastructure: AzureInfrastructure, azure: Azure
) -> None:
    azure.deployments.deleted_workspaces.add(WORKSPACE_ID)
    with pytest.raises(PlatformError, match=r"Soft-deleted workspace.*`az ml workspace delete --name NAME --perm"):
        infrastructure.provision()


def test_a_quota_is_named_with_what_to_change_and_the_next_try_goes_on(
    infrastructure: AzureInfrastructure, azure: Azure
) -> None:
    text = "Operation could not be completed as it results in exceeding approved standardDSv2Family Cores quota."
    azure.deployments.refusals = {"Microsoft.ContainerService/managedClusters": ("QuotaExceeded", text)}
    with pytest.raises(PlatformError, match=r"QuotaExceeded: .*standardDSv2Family Cores.*kubernetes_vm_size.*Quotas"):
        infrastructure.provision()
    made = set(azure.deployments.resources)
    assert made
    assert not is_whole(azure, infrastructure)
    infrastructure.provision()
    assert made < set(azure.deployments.resources)
    assert is_whole(azure, infrastructure)


def test_another_subscription_is_named(
    azure: Azure, workspace: Workspace, infrastructure: AzureInfrastructure, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "00000000-0000-0000-0000-00000000ffff"
    monkeypatch.setenv("MLOPS_AZURE_SUBSCRIPTION_ID", other)
    wrong = AzureInfrastructure(AzureSession(read_settings(workspace), workspace), infrastructure._services)
    for attempt in (wrong.preview, wrong.provision, wrong.preview_delete, wrong.delete):
        with pytest.raises(PlatformError, match=rf"SubscriptionNotFound.*{other}.*az account list"):
            attempt()


def test_missing_rights_are_named(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    text = "The client 'me' does not have authorization to perform action 'Microsoft.Resources/deployments/write'"
    azure.fail_next("PUT", "resourcegroups/mlops-rg$", make_error(403, "AuthorizationFailed", text))
    with pytest.raises(PlatformError, match=r"AuthorizationFailed: The client 'me'.*role Owner"):
        infrastructure.provision()
    infrastructure.provision()
    assert is_whole(azure, infrastructure)


def test_a_wrong_password_says_to_log_in(
    infrastructure: AzureInfrastructure, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    with pytest.raises(PlatformError, match=r"Could not log in to Azure. .*`az login`"):
        infrastructure.preview()


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_azure_is_asked_again_after_the_pause_it_asks_for(
    infrastructure: AzureInfrastructure, azure: Azure, status: int
) -> None:
    busy = make_error(status, "TooManyRequests", "Too many requests.")
    azure.fail_next("PUT", PUT, Response(status, busy.body, SOON), times=3)
    infrastructure.provision()
    assert len(azure.find_requests("PUT", PUT)) == 4
    assert is_whole(azure, infrastructure)


def test_asking_again_has_an_end(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    busy = make_error(429, "TooManyRequests", "Too many requests.")
    azure.fail_next("PUT", PUT, Response(429, busy.body, SOON), times=99)
    with pytest.raises(
        PlatformError, match=r"TooManyRequests: Too many requests. Azure stayed busy .* Try again in a few minutes"
    ):
        infrastructure.provision()
    assert len(azure.find_requests("PUT", PUT)) == 6


def test_a_lost_connection_is_tried_again(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    azure.fail_next("PUT", PUT, None)
    infrastructure.provision()
    assert is_whole(azure, infrastructure)


def test_a_connection_that_is_lost_where_repeating_is_not_safe_is_said(
    infrastructure: AzureInfrastructure, azure: Azure
) -> None:
    azure.fail_next("POST", "/whatIf$", None, times=9)
    with pytest.raises(
        PlatformError,
        match=r"Could not set up .*: Azure did not answer .*run the same command again. Azure continues the operations",
    ):
        infrastructure.provision()
    azure._faults.clear()
    infrastructure.provision()
    assert is_whole(azure, infrastructure)


def test_a_deployment_that_still_runs_is_waited_for(
    infrastructure: AzureInfrastructure, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops.backends.azure.infrastructure.arm_template.OTHER_SECONDS", 0.01)
    azure.deployments.running = 3
    infrastructure.provision()
    assert len(azure.find_requests("PUT", PUT)) == 2
    assert is_whole(azure, infrastructure)


def test_a_deployment_that_does_not_end_is_named(
    infrastructure: AzureInfrastructure, azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops.backends.azure.infrastructure.arm_template.OTHER_SECONDS", 0.01)
    azure.deployments.groups[GROUP] = {}
    azure.deployments.running = 10**6
    settings = read_settings(workspace)
    with pytest.raises(
        PlatformError, match=r"Another deployment of mlops-ws is still running after .*`az deployment group wait"
    ):
        TemplateDeployment(infrastructure._client, settings, seconds=0.1).deploy()


def test_an_operation_that_takes_too_long_goes_on(
    infrastructure: AzureInfrastructure, azure: Azure, workspace: Workspace
) -> None:
    azure.deployments.groups[GROUP] = {}
    azure.deployments.slow = 0.3
    with pytest.raises(PlatformError, match=r"Setting up mlops-ws did not finish within .* and continues on Azure"):
        TemplateDeployment(infrastructure._client, read_settings(workspace), seconds=0.1).deploy()
    time.sleep(0.4)  # the SDK keeps polling, and must not reach the double of the next test


def test_deleting_that_was_cut_off_goes_on(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    infrastructure.provision()
    azure.fail_next("DELETE", "managedClusters", make_error(409, "ScopeLocked", "The scope is locked."))
    with pytest.raises(
        PlatformError, match=r"Could not delete the workspace mlops-ws .*ScopeLocked: The scope is locked"
    ):
        infrastructure.delete()
    assert azure.deployments.resources
    assert infrastructure.delete()
    assert (azure.deployments.groups, azure.deployments.resources) == ({}, {})
    assert azure.deployments.deleted_vaults == {}


def test_deleting_something_that_is_gone_meanwhile_is_done(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    infrastructure.provision()
    azure.fail_next("DELETE", "workspaces/mlops-ws", Response(204))
    infrastructure.delete()
    assert azure.deployments.groups == {}


def test_without_a_subscription_nothing_is_asked(
    azure: Azure, workspace: Workspace, infrastructure: AzureInfrastructure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPS_AZURE_SUBSCRIPTION_ID")
    without = AzureInfrastructure(AzureSession(read_settings(workspace), workspace), infrastructure._services)
    with pytest.raises(UsageError, match="MLOPS_AZURE_SUBSCRIPTION_ID"):
        without.preview()
    assert azure.requests == []
