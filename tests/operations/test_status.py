"""How a project stands."""

from opened import open_here

from mlops.operations.status import Status, read_status
from mlops.record.ledger import RunRecord, write_run
from mlops.workspace import Workspace


def test_an_empty_state_has_a_status(workspace: Workspace) -> None:
    assert read_status(open_here(workspace), 10) == Status(None, [], [])


def test_the_newest_runs_come_first(workspace: Workspace) -> None:
    for name in ("20261122-190758-build-1", "20261122-190759-build-2"):
        write_run(RunRecord(name, "build", "local", "failed", "", "", (0, 0.0), ()), workspace.outputs)
    opened = open_here(workspace)
    assert [run.run_id for run in read_status(opened, 1).runs] == ["20261122-190759-build-2"]
    assert read_status(opened).runs == ()
