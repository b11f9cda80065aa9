"""Releasing again: only if production is down."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from given_parameters import load_parameters, load_project

from mlops.operations.releasing import release_again
from mlops.platform.backend import Backend
from mlops.platform.services import Health, Service
from mlops.record.ledger import RunRecord
from mlops.runner import Surroundings
from mlops.workspace import Workspace

REJECTED = RunRecord("run", "all", "local", "succeeded", "", "", (0, 0.0), (), outcome="rejected")


class BegunError(Exception):
    """Raised where a release would begin."""


@dataclass
class OneService:
    """Services of which production has one in a state."""

    health: Health

    def list_services(self) -> list[Service]:
        """See `Services`."""
        return [Service("production", "http://localhost", "sha256:1", self.health, "tiny:1", 1, "")]


def release(workspace: Workspace, health: Health) -> RunRecord:
    """Release again after a rejected model."""
    parts: Any = SimpleNamespace(services=OneService(health))
    around = Surroundings(load_project(workspace.project))

    def begin() -> None:
        raise BegunError

    return release_again(REJECTED, load_parameters(workspace.project), around, cast(Backend, parts), begin)


def test_a_healthy_production_is_left_alone(workspace: Workspace) -> None:
    assert release(workspace, "healthy") is REJECTED


@pytest.mark.parametrize("health", ["stopped", "unhealthy"])
def test_a_production_that_is_down_is_released_again(workspace: Workspace, health: Health) -> None:
    with pytest.raises(BegunError):
        release(workspace, health)
