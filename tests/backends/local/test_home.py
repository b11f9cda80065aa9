"""MLOPS_HOME: state that was damaged."""

import pytest

from mlops.backends import open_backend
from mlops.errors import IntegrityError
from mlops.workspace import Workspace


@pytest.mark.parametrize("name", ["mlflow.db", "services/qa.json", "secrets/qa-keys.json"])
def test_damaged_state_is_named(workspace: Workspace, name: str) -> None:
    path = workspace.home / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x00garbage" * 200)
    backend = open_backend("local", workspace)
    with pytest.raises(IntegrityError, match=f"{path.name} (is damaged|cannot be used)"):
        backend.registry.find_champion("tiny"), backend.services.list_services(), backend.secrets.get_keys("qa")
