"""The status of a project."""

from pathlib import Path

import pytest
from old_homes import RUN, build_home
from opened import open_here, open_model
from tiny_model import TAGS, make_bundle, track

from mlops.backends import memory
from mlops.model.schema import PROBLEM, SCHEMA
from mlops.operations.status import Status, describe_misfit, find_renewal, read_status
from mlops.pipelines import PIPELINES, SERVING_AGAIN
from mlops.record.ledger import RunRecord, write_run
from mlops.workspace import Workspace


def test_an_empty_state_has_a_status(workspace: Workspace) -> None:
    assert read_status(open_here(workspace), 10) == Status(None, [], [], runs=[])


def test_the_newest_runs_come_first(workspace: Workspace) -> None:
    for name in ("20261122-190758-build-1", "20261122-190759-build-2"):
        write_run(RunRecord(name, "build", "local", "failed", "", "", (0, 0.0), ()), workspace.outputs)
    opened = open_here(workspace)
    assert [run.run_id for run in read_status(opened, 1).runs] == ["20261122-190759-build-2"]
    assert read_status(opened).runs == ()


def describe_tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what changes when anything below a folder is written."""
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def test_looking_writes_nothing(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    before = describe_tree(tmp_path)
    found = read_status(open_here(workspace), 10)
    assert found.champion is not None
    assert [service.health for service in found.services] == ["stopped", "stopped"]
    assert [run.run_id for run in found.runs] == [RUN]
    assert describe_tree(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("home/mlflow.db", 1),
        ("home/services/qa.json", 1),
        ("home/images/models/diabetes-1.json", 0),
        ("home/secrets/qa-keys.json", 0),
        (f"outputs/{RUN}/run.json", 0),
    ],
)
def test_one_damaged_file_hides_nothing_else(tmp_path: Path, name: str, problems: int) -> None:
    workspace = build_home(tmp_path)
    (tmp_path / name).write_bytes(b"\x80" * 2000)
    found = read_status(open_here(workspace), 10)
    assert [str(tmp_path / name) in problem for problem in found.problems] == [True] * problems
    assert (found.champion is None) == (name == "home/mlflow.db")
    assert found.champion_title == ("diabetes version 1" if found.champion else "unknown")
    assert [service.environment for service in found.services] == ["qa", "production"]
    assert [run.run_id for run in found.runs] == [RUN]


def test_a_champion_that_no_release_can_test_is_not_advised_to_be_released(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A feature was added to the declaration, so the image is outdated, but a new image would not help."""
    opened = open_model(workspace, "tiny", memory.open_backend())
    tags = {**TAGS, PROBLEM: opened.problem.name, SCHEMA: "of other columns"}
    model = opened.backend.registry.register("tiny", track(opened.backend, tmp_path), tags)
    opened.backend.images.publish(make_bundle(tmp_path, model, 1.0), model)
    opened.backend.registry.promote("tiny", 1, expected="")
    assert find_renewal(opened, PIPELINES[SERVING_AGAIN])
    status = read_status(opened)
    assert (status.outdated, status.misfit) == ("", describe_misfit(opened, model))
    assert "so it cannot be tested. To promote a model that fits, run `mlops run retrain -p" in status.misfit
