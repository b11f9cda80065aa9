"""The contract of set-up and deletion, over every platform."""

import shutil

import pytest
from doubles.azure.azure import Azure

from mlops.platform.backend import Backend
from mlops.platform.infrastructure import Infrastructure
from mlops.workspace import Workspace

pytestmark = pytest.mark.no_blobs


@pytest.fixture
def infrastructure(
    backend: Backend, platform: str, workspace: Workspace, request: pytest.FixtureRequest
) -> Infrastructure:
    """Every platform that needs a set-up, before its set-up."""
    if backend.infrastructure is None:
        pytest.skip(f"the platform {platform} has nothing to set up")
    if platform == "local":
        shutil.rmtree(workspace.home)
    if platform == "azure":
        azure: Azure = request.getfixturevalue("azure")
        azure.deployments.start_empty()
    return backend.infrastructure


def test_what_is_announced_is_what_is_made_once(infrastructure: Infrastructure) -> None:
    announced = infrastructure.preview()
    assert {change.kind for change in announced} == {"create"}
    assert infrastructure.preview() == announced
    made = infrastructure.provision()
    assert sorted(change.resource for change in made) == sorted(change.resource for change in announced)
    assert infrastructure.provision() == []
    assert {change.kind for change in infrastructure.preview()} == {"none"}


def test_what_was_made_is_taken_away_once_and_can_be_made_again(infrastructure: Infrastructure) -> None:
    assert infrastructure.preview_delete() == infrastructure.delete() == []
    infrastructure.provision()
    announced = infrastructure.preview_delete()
    assert {change.kind for change in announced} == {"delete"}
    assert infrastructure.delete() == announced
    assert infrastructure.preview_delete() == infrastructure.delete() == []
    assert {change.kind for change in infrastructure.preview()} == {"create"}
    assert infrastructure.provision()
