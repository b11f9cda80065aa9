"""Set-up and deletion with the real SDKs: the requests, the resources, and a second call that changes nothing."""

import json
from typing import Any

import pytest
from doubles.azure.azure import Azure
from doubles.azure.insights import CONNECTION_STRING
from doubles.azure.names import ACCOUNT, GROUP, GROUP_ID, REGISTRY, VAULT, WORKSPACE, WORKSPACE_ID
from doubles.azure.routing import make_error

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.infrastructure.infrastructure import AzureInfrastructure
from mlops.platform.infrastructure import Change
from mlops.workspace import Workspace

TAGS = {"made-by": "notebook-mlops", "workspace": WORKSPACE}


def test_a_preview_of_nothing_yet_lists_all_and_makes_nothing(
    infrastructure: AzureInfrastructure, azure: Azure
) -> None:
    changes = infrastructure.preview()
    assert {change.kind for change in changes} == {"create"}
    assert Change("create", "resource group", GROUP) in changes
    assert Change("create", "Machine Learning workspace", WORKSPACE) in changes
    assert Change("create", "compute", "mlops-ws/cpu-cluster") in changes
    assert azure.find_requests("PUT", "") == azure.find_requests("POST", "management.azure.com") == []


def test_provisioning_makes_all_with_our_tags(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    changes = infrastructure.provision()
    assert Change("create", "storage account", ACCOUNT) in changes
    assert Change("create", "Key Vault", VAULT) in changes
    assert Change("create", "Container Registry", REGISTRY) in changes
    assert azure.deployments.groups == {GROUP: TAGS}
    tracked = [one for one in azure.deployments._tracked() if one["location"] != "global"]
    assert len(tracked) == 7
    assert all(one["tags"] == TAGS for one in tracked)
    cluster = azure.deployments.find(f"{WORKSPACE_ID}/computes/cpu-cluster")
    assert cluster
    assert cluster["properties"]["properties"]["scaleSettings"] == {
        "minNodeCount": 0,
        "maxNodeCount": 4,
        "nodeIdleTimeBeforeScaleDown": "PT300S",
    }
    (sent,) = azure.find_requests("PUT", "/deployments/mlops-provision$")
    assert sent.json["properties"]["mode"] == "Incremental"
    assert sent.json["properties"]["parameters"]["computePriority"] == {"value": "LowPriority"}


def test_a_second_time_changes_nothing(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    infrastructure.provision()
    before = json.dumps(azure.deployments.resources, sort_keys=True)
    assert infrastructure.provision() == []
    assert json.dumps(azure.deployments.resources, sort_keys=True) == before
    assert {change.kind for change in infrastructure.preview()} == {"none"}


def test_a_cluster_that_is_attached_is_not_attached_again(
    infrastructure: AzureInfrastructure, azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed settings of the nodes change the cluster but not the attachment; another cluster is attached."""
    infrastructure.provision()
    monkeypatch.setenv("MLOPS_AZURE_KUBERNETES_MIN_NODES", "4")
    changed = AzureInfrastructure(AzureSession(read_settings(workspace), workspace), infrastructure._services)
    assert changed.provision() == [Change("modify", "Kubernetes cluster", "aks")]
    own = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/own"
    monkeypatch.setenv("MLOPS_AZURE_KUBERNETES_RESOURCE_ID", own)
    another = AzureInfrastructure(AzureSession(read_settings(workspace), workspace), infrastructure._services)
    assert another.provision() == [Change("modify", "compute", "mlops-ws/aks")]
    sent = [request.json["properties"]["parameters"] for request in azure.find_requests("PUT", "/mlops-provision$")]
    assert [given["attachKubernetes"]["value"] for given in sent] == [True, False, True]


def test_the_workspace_and_its_computes_open_once_they_are_there(
    infrastructure: AzureInfrastructure, azure: Azure, workspace: Workspace
) -> None:
    infrastructure.provision()
    opened = AzureSession(read_settings(workspace), workspace).workspace
    assert opened.name == WORKSPACE
    found = opened.compute_targets
    assert {name: target.type for name, target in found.items()} == {"cpu-cluster": "AmlCompute", "aks": "AKS"}
    assert found["cpu-cluster"].scale_settings.maximum_node_count == 4


def test_other_settings_are_a_modification(
    infrastructure: AzureInfrastructure, azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    infrastructure.provision()
    monkeypatch.setenv("MLOPS_AZURE_COMPUTE_MAX_NODES", "9")
    larger = AzureInfrastructure(AzureSession(read_settings(workspace), workspace), infrastructure._services)
    assert larger.provision() == [Change("modify", "compute", "mlops-ws/cpu-cluster")]
    cluster = azure.deployments.find(f"{WORKSPACE_ID}/computes/cpu-cluster")
    assert cluster
    assert cluster["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 9


def test_a_cluster_that_the_user_has_is_attached_and_none_is_made(
    azure: Azure, infrastructure: AzureInfrastructure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/own"
    monkeypatch.setenv("MLOPS_AZURE_KUBERNETES_RESOURCE_ID", own)
    attaching = AzureInfrastructure(AzureSession(read_settings(workspace), workspace), infrastructure._services)
    assert "Kubernetes cluster" not in {change.resource for change in attaching.preview()}
    attaching.provision()
    assert "Microsoft.ContainerService/managedClusters" not in azure.deployments.list_types()
    attached = azure.deployments.find(f"{WORKSPACE_ID}/computes/aks")
    assert attached
    assert attached["properties"]["resourceId"] == own


def test_deleting_takes_all_away_and_frees_the_names(
    infrastructure: AzureInfrastructure, azure: Azure, stopped: Any
) -> None:
    infrastructure.provision()
    announced = infrastructure.preview_delete()
    assert Change("delete", "resource group", GROUP) in announced
    assert azure.find_requests("DELETE", "") == []
    assert infrastructure.delete() == announced
    assert stopped.environments == ["qa", "production"]
    assert (azure.deployments.groups, azure.deployments.resources) == ({}, {})
    assert (azure.deployments.deleted_vaults, azure.deployments.deleted_workspaces) == ({}, set())
    assert infrastructure.preview_delete() == infrastructure.delete() == []
    assert infrastructure.provision()


def test_what_others_have_in_the_group_stays(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    infrastructure.provision()
    azure.deployments.add_other("Microsoft.Web/sites", "a-shop")
    assert Change("delete", "resource group", GROUP) not in infrastructure.delete()
    assert azure.deployments.list_types() == ["Microsoft.Web/sites"]
    assert azure.deployments.groups == {GROUP: TAGS}


def test_what_a_policy_has_given_our_tags_stays(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    """Azure's policy "inherit a tag from the resource group" tags every resource in the group."""
    infrastructure.provision()
    azure.deployments.add_other("Microsoft.Compute/virtualMachines", "a-machine", tags=TAGS)
    assert "a-machine" not in {change.name for change in infrastructure.preview_delete()}
    infrastructure.delete()
    assert azure.deployments.list_types() == ["Microsoft.Compute/virtualMachines"]


def test_what_is_gone_already_is_no_error(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    infrastructure.provision()
    azure.fail_next("DELETE", "Microsoft.ContainerRegistry", make_error(404, "ResourceNotFound", "not there"))
    infrastructure.delete()
    assert "Microsoft.KeyVault/vaults" not in azure.deployments.list_types()


def test_the_connection_string_is_in_the_key_vault_for_the_variable_group(
    infrastructure: AzureInfrastructure, azure: Azure
) -> None:
    infrastructure.provision()
    secret = azure.deployments.find(
        f"{GROUP_ID}/providers/Microsoft.KeyVault/vaults/{VAULT}/secrets/applicationinsights-connection-string"
    )
    assert secret
    assert secret["properties"]["value"] == CONNECTION_STRING


def test_a_group_that_was_there_before_stays(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    azure.deployments.groups[GROUP] = {"cost-center": "7"}
    assert Change("create", "resource group", GROUP) not in infrastructure.provision()
    infrastructure.delete()
    assert azure.deployments.groups == {GROUP: {"cost-center": "7"}}
    assert azure.deployments.list_types() == ["microsoft.alertsmanagement/smartDetectorAlertRules"]


def test_what_another_workspace_has_made_in_the_group_stays(
    infrastructure: AzureInfrastructure, azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    infrastructure.provision()
    monkeypatch.setenv("MLOPS_AZURE_WORKSPACE", "another-ws")
    monkeypatch.setenv("MLOPS_AZURE_KUBERNETES_NAME", "another-aks")
    another = AzureInfrastructure(AzureSession(read_settings(workspace), workspace), infrastructure._services)
    another.provision()
    assert {change.resource for change in infrastructure.delete()}.isdisjoint({"resource group"})
    left = {one["name"] for one in azure.deployments._tracked()}
    assert {"another-ws", "another-aks"} <= left
    assert WORKSPACE not in left
    assert azure.deployments.find(f"{GROUP_ID}/providers/Microsoft.ContainerService/managedClusters/aks") is None


def test_a_vault_that_was_deleted_by_hand_is_purged(infrastructure: AzureInfrastructure, azure: Azure) -> None:
    infrastructure.provision()
    azure.deployments._forget(f"{GROUP_ID}/providers/Microsoft.KeyVault/vaults/{VAULT}", for_good=False)
    assert Change("delete", "Key Vault (deleted, not purged)", VAULT) in infrastructure.preview_delete()
    infrastructure.delete()
    assert azure.deployments.deleted_vaults == {}
