"""Rolling back is recorded as a run, with who, when and why."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opened import open_here
from tiny_model import publish, release

from mlops.backends import memory
from mlops.errors import DeploymentNotFoundError, UsageError
from mlops.operations.opening import OpenProject
from mlops.operations.overview import read_overview
from mlops.operations.rolling_back import list_rollback_runs, roll_back
from mlops.operations.running import RunRequest, find_run, start_run
from mlops.operations.status import read_status
from mlops.record.ledger import list_runs
from mlops.record.summary import find_reason
from mlops.record.user import find_user
from mlops.regression.check import find_run as find_checked
from mlops.workspace import Workspace

AGAIN = f"tiny version 2 in production, where tiny version 1 serves again, by {find_user()} (too slow)"


@pytest.fixture
def opened(workspace: Workspace) -> Iterator[OpenProject]:
    """The project, with the model "tiny", on a platform in memory."""
    found = replace(open_here(workspace, "shared.model_name=tiny"), backend=memory.open_backend())
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
    assert "does not serve the champion: tiny version 2 was rolled back" in status.standings[1].remark
    (shown,) = list_rollback_runs(two_released)
    assert (shown.run_id, shown.outcome, shown.model_version) == (record.run_id, "rolled back", 2)
    page = (two_released.workspace.outputs / "index.html").read_text()
    assert AGAIN in page
    assert "the decision is" not in page
    assert read_overview(two_released).environments[0].decision == f"rolled back by {find_user()} (too slow)"


def test_a_rollback_that_fails_is_recorded_as_well(opened: OpenProject) -> None:
    with pytest.raises(DeploymentNotFoundError):
        roll_back(opened, "production", "why not")
    (record,) = list_runs(opened.workspace.outputs)
    assert (record.state, record.outcome, record.steps[0].error_kind) == ("failed", "error", "DeploymentNotFoundError")
    assert record.error.startswith("production has no earlier image that passed its test")


def test_a_rollback_is_neither_resumed_nor_compared(two_released: OpenProject) -> None:
    roll_back(two_released, "production")
    outputs = two_released.workspace.outputs
    with pytest.raises(UsageError, match="there is no run yet"):
        find_run(outputs)
    with pytest.raises(UsageError, match="[Nn]o run in .* has succeeded yet"):
        find_checked(outputs)


@pytest.mark.parametrize("pipeline", ["release", "all"])
def test_a_run_of_another_model_is_refused_before_anything_runs(two_released: OpenProject, pipeline: str) -> None:
    other = replace(open_here(two_released.workspace, "shared.model_name=other"), backend=two_released.backend)
    with pytest.raises(UsageError, match="qa serves the model tiny, and this run would deploy the model other"):
        start_run(other, RunRequest(pipeline))
    assert not two_released.workspace.outputs.exists()
