"""The set-up of the local platform, and its deletion."""

import pytest
from opened import open_here

from mlops.errors import ParameterError
from mlops.operations.provisioning import preview_changes, require_infrastructure
from mlops.platform.infrastructure import Change
from mlops.workspace import Workspace


def test_a_preview_changes_nothing(workspace: Workspace) -> None:
    opened = open_here(workspace)
    assert preview_changes(opened) == [Change("create", "folder", str(workspace.home))]
    assert preview_changes(opened, delete=True) == []
    assert require_infrastructure(opened).delete() == []
    assert not workspace.home.exists()


def test_a_value_for_another_step_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ParameterError, match="-p deploy.force: the pipeline provision has no step 'deploy'"):
        preview_changes(open_here(workspace, "deploy.force=true"))
