"""Sweeps on a real Dask cluster: a scheduler and two worker processes, reached over TCP."""

import json
from pathlib import Path
from typing import Any

import pytest
from given_parameters import load_project
from small_sweep import FAILED, STEPS

from mlops.backends.memory.tracking import MemoryTracker
from mlops.cluster import connection
from mlops.errors import UsageError
from mlops.runner import Surroundings
from mlops.sweeps.cluster import Cluster, look_around, require_same
from mlops.sweeps.grid import read_grid
from mlops.sweeps.plan import Goal
from mlops.sweeps.run import run_sweep
from mlops.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("patient")]
# code for a notebook: finds the process of its worker, whose scratch folder is the run's folder there
WORKER = "int(run_folder.split('mlops-sweep-')[1].split('-')[0])"


def sweep(small: Workspace, address: str, *overrides: str) -> Any:
    """Sweep the small project's second notebook on a cluster."""
    small.home.mkdir(exist_ok=True)
    grid = read_grid(load_project(small.project, STEPS), "fit", overrides)
    tracker = MemoryTracker()
    return run_sweep(
        grid, Goal("loss"), Surroundings(load_project(small.project, STEPS)), Cluster(address, small, "local"), tracker
    )


def test_nobody_at_the_address_is_said_in_seconds(small: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1)
    with pytest.raises(UsageError, match="tcp://127.0.0.1:9: no Dask scheduler answered within 1 s"):
        Cluster("tcp://127.0.0.1:9", small, "local")


def test_a_scheduler_without_workers_is_said(small: Workspace, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WORKER_SECONDS", 1)
    with pytest.raises(UsageError, match="the scheduler has no workers. Start some with `dask worker tcp://"):
        Cluster(scheduler, small, "local")


def test_both_workers_execute_and_the_notebooks_come_back(small: Workspace, workers: str) -> None:
    path = small.notebooks / "02_fit.ipynb"
    path.write_text(path.read_text().replace("name=name", "name=run_folder.split('mlops-sweep-')[1].split('-')[0]"))
    record, _, points = sweep(small, workers, "x=1,2,3,4,5,6")
    assert [point.score for point in points] == [5.0, 2.0, 1.0, 2.0, None, 10.0]
    assert points[4].error == FAILED
    folder = small.outputs / record.run_id
    for point in points:
        assert json.loads((folder / point.file).read_text())["cells"], point
    assert len({point.results["name"] for point in points if point.state == "done"}) == 2
    assert record.step("fit").results["loss"] == 1.0


def test_a_worker_that_sees_another_project_is_refused(small: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mark").touch()
    here = look_around(str(small.project), str(tmp_path / "mark"))
    blind = look_around(str(tmp_path / "nowhere"), str(tmp_path / "gone"))
    assert blind == ("", False)
    require_same("tcp://x:1", small, here, {"tcp://a:1": here})
    with pytest.raises(
        UsageError, match="the worker tcp://b:1 does not see the same .* Put both folders on a shared file system"
    ):
        require_same("tcp://x:1", small, here, {"tcp://a:1": here, "tcp://b:1": blind})


def test_a_notebook_whose_worker_dies_is_given_to_another(small: Workspace, workers: str) -> None:
    """The first worker that gets x = 2 dies with its kernel. The second one finds the mark and continues."""
    mark = small.project / "mark"
    kill = f"""
import os, pathlib, signal
if x == 2.0 and not pathlib.Path({str(mark)!r}).exists():
    pathlib.Path({str(mark)!r}).touch()
    os.kill({WORKER}, signal.SIGKILL)
seen ="""
    path = small.notebooks / "02_fit.ipynb"
    content = json.loads(path.read_text())
    content["cells"][2]["source"] = "".join(content["cells"][2]["source"]).replace("seen =", kill, 1)
    path.write_text(json.dumps(content))
    record, _, points = sweep(small, workers, "x=1,2,3")
    assert mark.exists()
    assert [(point.state, point.score) for point in points] == [("done", 5.0), ("done", 2.0), ("done", 1.0)]


def test_a_notebook_that_kills_every_worker_is_given_up(small: Workspace, workers: str) -> None:
    path = small.notebooks / "02_fit.ipynb"
    content = json.loads(path.read_text())
    kill = f"import os, signal\nif x == 2.0:\n    os.kill({WORKER}, signal.SIGKILL)\nseen ="
    content["cells"][2]["source"] = "".join(content["cells"][2]["source"]).replace("seen =", kill, 1)
    path.write_text(json.dumps(content))
    record, _, points = sweep(small, workers, "x=1,2,3")
    assert [point.state for point in points] == ["done", "failed", "done"]
    assert points[1].error.startswith("the worker died on every attempt (tcp://")
    assert (record.state, record.step("fit").results["loss"]) == ("failed", 1.0)
