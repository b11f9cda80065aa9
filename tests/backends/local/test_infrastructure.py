"""The creation and deletion of MLOPS_HOME."""

from pathlib import Path

import pytest

from mlops.backends import open_backend
from mlops.errors import UsageError
from mlops.platform.infrastructure import Change, Infrastructure
from mlops.workspace import Workspace


@pytest.fixture
def infrastructure(workspace: Workspace) -> Infrastructure:
    """The infrastructure of a machine on which nothing has run yet."""
    return open_backend("local", workspace).infrastructure


def test_the_folder_is_announced_made_and_then_left_alone(infrastructure: Infrastructure, workspace: Workspace) -> None:
    folder = Change("create", "folder", str(workspace.home))
    assert infrastructure.preview() == [folder]
    assert not workspace.home.exists()
    assert infrastructure.provision() == [folder]
    assert workspace.home.is_dir()
    assert infrastructure.provision() == []
    assert infrastructure.preview() == [Change("none", "folder", str(workspace.home))]


def test_deleting_takes_the_folder_and_nothing_else(infrastructure: Infrastructure, workspace: Workspace) -> None:
    infrastructure.provision()
    (workspace.outputs / "run").mkdir(parents=True)
    (workspace.home / "images").mkdir()
    announced = infrastructure.preview_delete()
    assert announced == [Change("delete", "folder", str(workspace.home))]
    assert infrastructure.delete() == announced
    assert not workspace.home.exists()
    assert (workspace.outputs / "run").is_dir()
    assert infrastructure.preview_delete() == infrastructure.delete() == []


@pytest.mark.parametrize("inside", ["project", "outputs"])
def test_a_folder_that_holds_more_than_state_is_not_deleted(tmp_path: Path, inside: str) -> None:
    home = tmp_path / "everything"
    home.mkdir()
    places = {"project": tmp_path / "project", "outputs": tmp_path / "outputs", inside: home / inside}
    careless = open_backend("local", Workspace(places["project"], home, places["outputs"])).infrastructure
    with pytest.raises(UsageError, match=rf"MLOPS_HOME \(.*everything\) contains .*{inside}, so it cannot be deleted"):
        careless.delete()
    assert home.is_dir()
