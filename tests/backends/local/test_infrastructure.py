"""MLOPS_HOME, set up and taken away; the data set's versions in it."""

from pathlib import Path

import pytest

from mlops.backends import open_backend
from mlops.errors import NotFoundError, UsageError
from mlops.platform.datasets import DatasetVersion
from mlops.platform.infrastructure import Change, Infrastructure
from mlops.workspace import Workspace


@pytest.fixture
def infrastructure(workspace: Workspace) -> Infrastructure:
    """That of a machine on which nothing was run yet."""
    return open_backend("local", workspace).infrastructure


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data file."""
    path = tmp_path / "sample.csv"
    path.write_text("A,Y\n1,2\n")
    return path


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
    with pytest.raises(UsageError, match=rf"MLOPS_HOME is .*everything, which holds .*{inside}: it is not taken away"):
        careless.delete()
    assert home.is_dir()


def test_each_content_is_a_version_that_stays(infrastructure: Infrastructure, file: Path, workspace: Workspace) -> None:
    first = infrastructure.register_dataset(file)
    assert first == DatasetVersion("sample", 1, str(workspace.home / "datasets" / "1" / "sample.csv"))
    assert infrastructure.register_dataset(file) == first
    file.write_text("A,Y\n3,4\n")
    second = infrastructure.register_dataset(file)
    assert infrastructure.register_dataset(Path(first.url), only_first=True) == second
    assert second.version == 2
    assert Path(first.url).read_text() == "A,Y\n1,2\n"
    assert [infrastructure.find_dataset(name) for name in ("1", "2", "latest", "")] == [first, second, second, second]


def test_a_version_that_is_not_there_says_what_is(infrastructure: Infrastructure, file: Path) -> None:
    with pytest.raises(NotFoundError, match="no version 'latest' .*run `mlops provision`"):
        infrastructure.find_dataset("")
    infrastructure.register_dataset(file)
    with pytest.raises(NotFoundError, match="no version '2' .*there is: 1"):
        infrastructure.find_dataset("2")


def test_a_registration_that_was_cut_off_is_no_version(
    infrastructure: Infrastructure, file: Path, workspace: Workspace
) -> None:
    (workspace.home / "datasets" / "1").mkdir(parents=True)
    (workspace.home / "datasets" / "1" / ".sample.csv.x").write_text("A,")
    assert infrastructure.register_dataset(file).version == 1
    assert infrastructure.find_dataset("1").url.endswith("/1/sample.csv")
