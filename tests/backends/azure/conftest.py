"""Fixtures with a subscription in which nothing is provisioned yet."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from doubles.azure.azure import Azure
from sandbox import SANDBOX

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.infrastructure.infrastructure import AzureInfrastructure
from mlops.workspace import Workspace

# These files are enough to publish. The SDK sends a request per file, and two hundred more would take six seconds.
SENT = ("notebooks", "parameters", "src/run_step.py", "environment.yml", "pyproject.toml", "requirements.lock")


@dataclass
class StoppedServices:
    """Services for teardown, which only needs `end`. They record the environments whose service was ended."""

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


@pytest.fixture
def lean(tmp_path: Path) -> Workspace:
    """The project without its packages, for tests that execute no step, with a scratch state."""
    folder = tmp_path / "lean"
    (folder / "src").mkdir(parents=True)
    for name in SENT:
        copy = shutil.copytree if (SANDBOX / name).is_dir() else shutil.copyfile
        copy(SANDBOX / name, folder / name)
    return Workspace(folder, tmp_path / "home", tmp_path / "outputs")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data file."""
    path = tmp_path / "sample.csv"
    path.write_text("A,Y\n1,2\n")
    return path
