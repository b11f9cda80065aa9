"""Setting up and taking away, by the real SDKs: what is sent, what is made, that a second time changes nothing."""

import json
from dataclasses import dataclass, field

import pytest
from azure_double.azure import Azure
from azure_double.names import ACCOUNT, GROUP, GROUP_ID, REGISTRY, VAULT, WORKSPACE

from mlops.backends.azure.infrastructure import AzureInfrastructure
from mlops.backends.azure.session import AzureSession
from mlops.backends.azure.settings import read_settings
from mlops.backends.base import Change
from mlops.errors import NotFoundError
from mlops.workspace import Workspace

TAGS = {"made-by": "notebook-mlops", "workspace": WORKSPACE}


@dataclass
class Stopped:
    """Services, of which teardown needs `stop` alone: remembers what was stopped."""

    environments: list[str] = field(default_factory=list)

    def stop(self, environment: str) -> bool:
        self.environments.append(environment)
        return True


@pytest.fixture
def services() -> Stopped:
    """Services that can be stopped."""
    return Stopped()


@pytest.fixture
def infrastructure(azure: Azure, workspace: Workspace, services: Stopped) -> AzureInfrastructure:
    """The infrastructure of a subscription with nothing in it."""
    azure.deployments.start_empty()
    return AzureInfrastructure(AzureSession(read_settings(workspace), workspace), services)  # type: ignore[arg-type]


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
    cluster = azure.deployments.find(f"{GROUP_ID}/providers/Microsoft.MachineLearningServices/workspaces/mlops-ws/computes/cpu-cluster")
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
