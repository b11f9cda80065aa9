"""MLflow's page: the command that serves it, and databases that it must not open."""

from pathlib import Path

import pytest

from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.tracking_page import LocalTrackingPage
from mlops.errors import IntegrityError, UsageError
from mlops.workspace import Workspace


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """MLflow's server, as `make ui` installs it."""
    path = tmp_path / ".venv-ui" / "bin" / "mlflow"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_the_page_is_that_of_the_home(migrated: Workspace, tmp_path: Path, server: Path) -> None:
    page = LocalTrackingPage(tmp_path, MlflowStore(migrated.home))
    assert page.find_command(["--port", "5001"]) == [
        str(server),
        "ui",
        "--backend-store-uri",
        f"sqlite+pysqlite:///{migrated.home}/mlflow.db",
        "--port",
        "5001",
    ]


def test_a_server_that_is_not_installed_names_the_command_that_does_it(migrated: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not installed in .*/.venv-ui/bin/mlflow. Run `make ui`, which installs"):
        LocalTrackingPage(tmp_path, MlflowStore(migrated.home)).find_command([])


@pytest.mark.usefixtures("server")
def test_a_damaged_database_is_not_served(migrated: Workspace, tmp_path: Path) -> None:
    (migrated.home / "mlflow.db").write_bytes(b"\x00garbage" * 200)
    with pytest.raises(IntegrityError, match="mlflow.db is damaged: file is not a database"):
        LocalTrackingPage(tmp_path, MlflowStore(migrated.home)).find_command([])
