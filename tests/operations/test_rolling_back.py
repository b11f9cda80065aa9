"""Rolling back is recorded as a run, with who, when and why."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opened import open_here, open_model
from tiny_model import SCRIPT, deploy, make_bundle, publish, register, release

from mlops.backends import memory, open_backend
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.errors import DeploymentError, RolledBackError, UsageError
from mlops.operations.opening import OpenProject
from mlops.operations.overview import read_overview
from mlops.operations.request import RunRequest
from mlops.operations.rolling_back import explain_next_release, list_rollback_runs, roll_back
from mlops.operations.running import find_run, start_run
from mlops.operations.status import read_status
from mlops.platform.images import Image
from mlops.platform.services import Permissions
from mlops.record.ledger import list_runs
from mlops.record.summary import find_reason
from mlops.record.user import find_user
from mlops.regression.check import find_run as find_checked
from mlops.workspace import Workspace

AGAIN = f"tiny version 2 to tiny version 1 in production by {find_user()} (too slow)"


@pytest.fixture
def opened(workspace: Workspace) -> Iterator[OpenProject]:
    """The project, with the model "tiny", on a platform in memory."""
    found = open_model(workspace, "tiny", memory.open_backend())
    yield found
    for environment in ("qa", "production"):
        found.backend.services.stop(environment)


@pytest.fixture
def two_released(opened: OpenProject, tmp_path: Path) -> OpenProject:
    """Two versions of the model, released one after the other; the second is the champion."""
    for number in (1.0, 2.0):
        release(opened.backend, publish(opened.backend, tmp_path, number))
    opened.backend.registry.promote("tiny", 2, expected="")
    return opened


def test_a_rollback_is_a_run_that_status_and_runs_show(two_released: OpenProject) -> None:
    record = roll_back(two_released, "production", "too slow")
    assert (record.pipeline, record.state, record.outcome) == ("rollback", "succeeded", "rolled back")
    assert (record.by, record.reason, find_reason(record)) == (find_user(), "too slow", AGAIN)
    assert record.finished >= record.started
    assert list_runs(two_released.workspace.outputs) == [record]
    status = read_status(two_released, 10)
    assert status.champion is not None
    assert (status.champion.version, status.runs) == (2, [record])
    (rollback,) = status.rollbacks
    assert (rollback.decision.run_id, rollback.decision.reason) == (record.run_id, "too slow")
    assert "the champion: tiny version 2 was rolled back to tiny version 1 in" in status.standings[1].remark
    (shown,) = list_rollback_runs(two_released)
    assert (shown.reason, shown.run_id, shown.outcome) == (AGAIN, record.run_id, "rolled back")
    assert (shown.model_name, shown.model_version) == ("tiny", 1)
    page = (two_released.workspace.outputs / "index.html").read_text()
    assert AGAIN in page
    assert "the decision is" not in page
    assert read_overview(two_released).environments[0].decision == f"rollback by {find_user()}"
    two_released.backend.registry.promote("tiny", 1, expected=status.champion.identity)
    decided = f"rollback of tiny version 2 by {find_user()} (too slow)"
    assert read_overview(two_released).environments[0].decision == decided


def test_a_rollback_with_nothing_to_restore_is_refused_and_leaves_no_run(opened: OpenProject) -> None:
    with pytest.raises(UsageError, match="^production has no earlier image that passed its test"):
        roll_back(opened, "production", "why not")
    assert not opened.workspace.outputs.exists()


def test_a_lost_champion_is_what_must_be_restored_before_anything_can_be_released(
    migrated: Workspace, tmp_path: Path
) -> None:
    """`mlops run all` would be refused for the same reason."""
    opened = open_model(migrated, "tiny", open_backend("local", migrated))
    opened.backend.registry.promote("tiny", register(opened.backend, tmp_path).version, expected="")
    MlflowStore(migrated.home).client.delete_model_version("tiny", "1")
    with pytest.raises(UsageError) as raised:
        roll_back(opened, "production", "too slow")
    assert str(raised.value).startswith(
        "production has no earlier image that passed its test, so there is nothing to roll back to. "
        "MLflow no longer has any version of the model 'tiny', whose champion was version 1. Restore"
    )


@pytest.mark.parametrize("reason", ["", " "])
def test_a_rollback_without_a_reason_is_refused_and_changes_nothing(two_released: OpenProject, reason: str) -> None:
    with pytest.raises(UsageError) as raised:
        roll_back(two_released, "production", reason)
    assert str(raised.value) == (
        'A rollback needs a reason. Run `mlops rollback --environment production --reason "TEXT"`.'
    )
    assert two_released.backend.services.list_rollbacks() == []
    assert not two_released.workspace.outputs.exists()


def test_after_a_rollback_of_the_champion_the_next_release_needs_to_be_asked_for(two_released: OpenProject) -> None:
    record = roll_back(two_released, "production", "too slow")
    assert explain_next_release(two_released, record) == (
        "A release deploys tiny version 2 again only with `mlops run release --redeploy-rolled-back`."
    )


def test_a_rollback_between_two_images_of_one_version_names_both(opened: OpenProject, tmp_path: Path) -> None:
    backend, model = opened.backend, register(opened.backend, tmp_path, 1.0)
    backend.registry.promote("tiny", model.version, expected="")
    scripts = [f"{SCRIPT}\n# {number}\n" for number in (1, 2)]
    first, second = (backend.images.publish(make_bundle(tmp_path, model, 1.0, script), model) for script in scripts)
    for image in (first, second):
        release(backend, image)
    record = roll_back(opened, "production", "bad script")
    old, new = (f"tiny version 1 (image {image.digest[:19]}…)" for image in (first, second))
    assert (record.result("serves"), record.result("rolled_back")) == (old, new)
    with pytest.raises(RolledBackError, match="was rolled back to tiny version 1"):
        deploy(backend, "qa", second)
    third = backend.images.publish(make_bundle(tmp_path, model, 1.0, f"{SCRIPT}\n# 3\n"), model)
    release(backend, third)
    assert read_status(opened).find_redeployment(read_status(opened).standings[1]) == ""


def test_after_a_rollback_of_another_version_a_release_deploys_the_champion(
    two_released: OpenProject, tmp_path: Path
) -> None:
    for number in (3.0, 4.0):
        release(two_released.backend, publish(two_released.backend, tmp_path, number))
    barred = "A release does not deploy tiny version {} again without `--redeploy-rolled-back`."
    first = explain_next_release(two_released, roll_back(two_released, "production", "too slow"))
    assert first == f"{barred.format(4)} The champion is tiny version 2, which `mlops run release` deploys."
    second = explain_next_release(two_released, roll_back(two_released, "production", "too slow"))
    assert second == barred.format(3)  # the champion serves again


def test_after_a_take_over_is_rolled_back_the_champion_is_what_a_release_deploys(
    two_released: OpenProject, tmp_path: Path
) -> None:
    image = publish(two_released.backend, tmp_path, 3.0, name="other")
    deploy(two_released.backend, "production", _pass_qa(two_released, image), allowed=Permissions(take_over=True))
    roll_back_to_tiny = roll_back(two_released, "production", "by mistake", take_over=True)
    said = explain_next_release(two_released, roll_back_to_tiny)
    assert said == "A release does not deploy other version 1 again without `--redeploy-rolled-back`."


def _pass_qa(opened: OpenProject, image: Image) -> Image:
    """Return an image of another model after it passed its test in QA."""
    deploy(opened.backend, "qa", image, allowed=Permissions(take_over=True))
    opened.backend.services.record_test("qa", image.digest, passed=True)
    return image


def test_a_rollback_to_another_model_needs_to_be_asked_for(two_released: OpenProject, tmp_path: Path) -> None:
    services = two_released.backend.services
    image = publish(two_released.backend, tmp_path, 3.0, name="other")
    for environment in ("qa", "production"):
        deploy(two_released.backend, environment, image, allowed=Permissions(take_over=True))
        services.record_test(environment, image.digest, passed=True)
    with pytest.raises(UsageError, match=r"another model, tiny version 2\. Add `--take-over` to restore it\.$"):
        roll_back(two_released, "production", "by mistake")
    assert not two_released.workspace.outputs.exists()
    assert roll_back(two_released, "production", "by mistake", take_over=True).result("serves") == "tiny version 2"


def test_a_rollback_that_fails_is_recorded_as_well(two_released: OpenProject, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*words: object, **options: object) -> None:
        raise DeploymentError("tiny:1 does not start")

    monkeypatch.setattr(two_released.backend.services, "roll_back", fail)
    with pytest.raises(DeploymentError):
        roll_back(two_released, "production", "why not")
    (record,) = list_runs(two_released.workspace.outputs)
    assert (record.state, record.outcome, record.steps[0].error_kind) == ("failed", "error", "DeploymentError")
    assert record.error == "tiny:1 does not start"


def test_a_rollback_is_neither_resumed_nor_compared(two_released: OpenProject) -> None:
    roll_back(two_released, "production", "too slow")
    outputs = two_released.workspace.outputs
    with pytest.raises(UsageError, match="has no run, so there is nothing to resume"):
        find_run(outputs)
    with pytest.raises(UsageError, match="[Nn]o run in .* has succeeded yet"):
        find_checked(outputs)


@pytest.mark.parametrize("pipeline", ["release", "all"])
def test_a_run_of_another_model_is_refused_before_anything_runs(two_released: OpenProject, pipeline: str) -> None:
    other = replace(open_here(two_released.workspace, "shared.model_name=other"), backend=two_released.backend)
    with pytest.raises(UsageError, match="qa serves the model tiny, and this run would deploy the model other"):
        start_run(other, RunRequest(pipeline))
    assert not two_released.workspace.outputs.exists()
