"""Fixtures with a subscription in which nothing is provisioned yet."""

from dataclasses import dataclass, field

import pytest
from doubles.azure.azure import Azure

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.infrastructure.infrastructure import AzureInfrastructure
from mlops.workspace import Workspace


@dataclass
class StoppedServices:
    """Services for teardown, which only needs `end`; they record which ones were ended."""

    environments: list[str] = field(default_factory=list)

    def end(self, environment: str) -> bool:
        """Record the environment."""
        self.environments.append(environment)
        return True


@pytest.fixture
def stopped() -> StoppedServices:
    """Services that can be stopped."""
    return StoppedServices()


@pytest.fixture
def infrastructure(azure: Azure, workspace: Workspace, stopped: StoppedServices) -> AzureInfrastructure:
    """The infrastructure of a subscription with nothing in it."""
    azure.deployments.start_empty()
    return AzureInfrastructure(AzureSession(read_settings(workspace), workspace), stopped)
