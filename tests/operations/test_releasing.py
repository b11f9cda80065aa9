"""Releasing again: only if production is down."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from given_parameters import load_parameters, load_project
from opened import open_model
from tiny_model import publish

from mlops.backends.memory import open_backend
from mlops.cli.runs import explain_release
from mlops.errors import ModelNotFoundError
from mlops.operations.releasing import Remaining, find_release_after, release_again
from mlops.operations.status import read_status
from mlops.pipelines import PIPELINES, list_packing
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.platform.services import Health, Judgement, Service
from mlops.record.ledger import RunRecord, StepRecord
from mlops.runner import Plan, Surroundings
from mlops.workspace import Workspace

REJECTED = RunRecord("run", "all", "local", "succeeded", "", "", (0, 0.0), (), outcome="rejected")


class BegunError(Exception):
    """Raised where a release would begin."""


@dataclass
class OneService:
    """Services with only one, in production, whose state a test chooses."""

    health: Health
    tested: str = "passed"

    def list_services(self) -> list[Service]:
        """See `Services`."""
        return [Service("production", "http://localhost", "sha256:2", self.health, "tiny:2", 2, "", self.tested)]

    def record_test(self, environment: str, digest: str, *, passed: bool) -> Judgement:
        """See `Services`: what served before is restored."""
        assert (environment, digest, passed) == ("production", "sha256:2", False)
        self.tested = "restored"
        restored = Service("production", "http://localhost", "sha256:1", "healthy", "tiny:1", 1, "", "passed")
        return Judgement("failed", restored)


class OneModel:
    """A registry of a model whose second version exists, or was deleted."""

    def __init__(self, versions: tuple[int, ...] = (1, 2)) -> None:
        self.versions = versions

    def get_version(self, name: str, version: int) -> ModelVersion:
        """See `Registry`."""
        if version not in self.versions:
            raise ModelNotFoundError("There is no such version.")
        return ModelVersion(name, version, "run", {}, {})


ALL = OneModel()


def release(
    workspace: Workspace, health: Health, services: OneService | None = None, registry: OneModel = ALL
) -> RunRecord:
    """Release again after a rejected model."""
    parts: Any = SimpleNamespace(services=services or OneService(health), registry=registry)
    around = Surroundings(load_project(workspace.project))

    def begin(remaining: Remaining) -> None:
        raise BegunError(explain_release(remaining))

    return release_again(REJECTED, load_parameters(workspace.project), around, cast(Backend, parts), begin)


def test_a_healthy_production_is_left_alone(workspace: Workspace) -> None:
    assert release(workspace, "healthy") is REJECTED


@pytest.mark.parametrize("health", ["stopped", "unhealthy"])
def test_a_production_that_is_down_is_released_again(workspace: Workspace, health: Health) -> None:
    with pytest.raises(BegunError) as raised:
        release(workspace, health)
    said = f"Production is {health}, so its last model, tiny version 2, is released again."
    assert str(raised.value) == said


def test_after_an_image_of_an_older_version_its_release_names_the_image(workspace: Workspace, tmp_path: Path) -> None:
    """A release without a name would deploy the champion."""
    opened = open_model(workspace, "tiny", open_backend())
    first, second = (publish(opened.backend, tmp_path, number) for number in (1.0, 2.0))
    opened.backend.registry.promote("tiny", 2, expected="")

    def find(image: Image) -> str:
        results = {"model_name": "tiny", "model_version": image.model_version, "digest": image.digest}
        made = StepRecord("create_image", "05_create_image", state="done", results=results)
        found = find_release_after(opened, replace(REJECTED, outcome="done", steps=(made,)), read_status(opened))
        return found.command if found else ""

    assert find(second) == "mlops run release"
    assert find(first) == f"mlops run release -p deploy_qa.image_digest={first.digest}"
    assert find(replace(first, model_version=7)) == ""


def test_a_version_that_was_deleted_is_not_released_again(workspace: Workspace) -> None:
    """Its image would fail its test in QA, because the test compares it with the registered model."""
    with pytest.raises(BegunError) as raised:
        release(workspace, "stopped", registry=OneModel((1,)))
    assert str(raised.value) == (
        "Production is stopped, and the registry no longer has production's last model, tiny version 2. "
        "So the champion is released."
    )


def test_a_production_that_never_served_is_not_called_down(workspace: Workspace) -> None:
    services = OneService("healthy")
    services.list_services = list  # type: ignore[method-assign]
    with pytest.raises(BegunError, match=r"^Production serves nothing yet, so the champion is released\.$"):
        release(workspace, "healthy", services)


def test_a_champion_without_an_image_is_released_with_a_new_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = OneService("healthy")
    services.list_services = list  # type: ignore[method-assign]
    ran: list[str] = []

    def run(plan: Plan, around: Surroundings) -> RunRecord:
        ran.extend(step.name for step in plan.steps)
        return replace(REJECTED, outcome="released")

    monkeypatch.setattr("mlops.operations.releasing.run_pipeline", run)
    parts: Any = SimpleNamespace(services=services, registry=ALL)
    given = load_parameters(workspace.project), Surroundings(load_project(workspace.project)), cast(Backend, parts)
    release_again(REJECTED, *given, add_packing=lambda steps: (*list_packing(), *steps))
    assert ran == [step.name for step in (*list_packing(), *PIPELINES["release"])]


def test_a_version_that_failed_its_test_does_not_go_on_serving(workspace: Workspace) -> None:
    """The test and the runner were killed after the failure was recorded, before the previous service was restored."""
    services = OneService("healthy", "failed")
    assert release(workspace, "healthy", services) is REJECTED
    assert services.tested == "restored"
