"""The data test and profiles on a real Dask cluster: a scheduler and two worker processes, reached over TCP."""

import json
import os
import re
import signal
import time
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from command_line import CommandLine
from dask_cluster import end, start, start_scheduler
from progression import problem

from mlops.cluster import connection
from mlops.cluster import workers as cluster_workers
from mlops.cluster.scan import scan_file
from mlops.cluster.workers import describe_versions, open_workers
from mlops.data import scan
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import Profile, encode_profile
from mlops.data.tables import read_table
from mlops.data.validation import find_violations
from mlops.errors import ClusterError, UsageError
from mlops.problem import Column

pytestmark = pytest.mark.usefixtures("patient")
RULES = [Column("x", minimum=-9, maximum=9), Column("few", minimum=0, maximum=1)]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder of five Parquet files, of which two are the same."""
    path = tmp_path / "data.parquet"
    path.mkdir()
    for number in range(5):
        rng = np.random.default_rng(number % 4)
        frame = pd.DataFrame({"x": rng.normal(size=2000), "few": rng.integers(0, 3, 2000)})
        frame.to_parquet(path / f"{number}.parquet")
    return str(path)


@pytest.mark.slow
def test_two_workers_give_the_answer_of_one_machine(folder: str, workers: str, mlops: CommandLine) -> None:
    """One test, because the tests of `make test` run in several processes, and each would start a cluster."""
    reference = make_reference(read_table(folder).frame)
    require_same_profile(mlops.invoke("profile", folder, "--scheduler", workers).stdout, reference)

    scanned, expected = scan_file(folder, RULES, reference, workers), scan.scan_file(folder, RULES, reference)
    assert (scanned.copies, scanned.sha256) == (2000, expected.sha256)
    violations = find_violations(scanned, RULES, reference)
    assert violations == find_violations(expected, RULES, reference)
    assert {violation.rule for violation in violations} == {"duplicates", "range"}

    data = f"test_data.data_path={split_sample(Path(folder).with_name('sample'))}"
    first, again = ("run", "build", "-p", data, "--scheduler", workers), ("run", "build", "-p", data)
    (tested,) = json.loads(mlops.invoke(*first, "--json").stdout)["steps"]
    assert (tested["state"], tested["parameters"]["scheduler"]) == ("done", workers)
    (reused,) = json.loads(mlops.invoke(*again, "--json").stdout)["steps"]
    assert (reused["state"], reused["parameters"]["scheduler"]) == ("reused", workers)
    (here,) = json.loads(mlops.invoke(*again, "--force", "--json").stdout)["steps"]
    assert (here["state"], here["parameters"].get("scheduler", "")) == ("done", "")
    assert here["results"] == tested["results"]


def require_same_profile(printed: str, reference: Profile) -> None:
    """Compare a printed profile with one of this machine: means and squares to 1e-12, the rest exactly."""
    found, expected = json.loads(printed), json.loads(encode_profile(reference))
    for name, column in expected.items():
        for moment in ("mean", "squares"):
            assert found[name].pop(moment) == pytest.approx(column.pop(moment), rel=1e-12)
    assert found == expected


def split_sample(folder: Path) -> Path:
    """Write the sample as two Parquet files."""
    folder.mkdir()
    sample = problem.load_sample()
    for number, part in enumerate((sample.head(200), sample.tail(-200))):
        part.to_parquet(folder / f"{number}.parquet")
    return folder


def test_a_scheduler_that_does_not_answer_is_said_in_seconds(
    folder: str, mlops: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1)
    refused = mlops.invoke("profile", folder, "--scheduler", "tcp://127.0.0.1:9")
    assert refused.returncode == 2
    assert refused.stderr.startswith("mlops: --scheduler tcp://127.0.0.1:9: no Dask scheduler answered within 1 s (")


@pytest.mark.slow
def test_a_scheduler_without_workers_is_said(folder: str, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WORKER_SECONDS", 1)
    with pytest.raises(UsageError, match="scheduler tcp://.* has no workers. Start some with `dask worker tcp://"):
        scan_file(folder, RULES, {}, scheduler)


@pytest.mark.slow
def test_a_file_that_a_worker_cannot_read_is_named_with_the_worker(workers: str) -> None:
    """Each process has its own memory://, as each machine has its own disk."""
    fsspec.filesystem("memory").pipe("/only-here.csv", b"x\n1\n")
    with pytest.raises(UsageError) as refused:
        scan_file("memory://only-here.csv", RULES, {}, workers)
    said = (
        rf"scheduler {workers}: the worker tcp://127\.0\.0\.1:\d+ cannot read memory://only-here\.csv \(.*\)\. Put the"
    )
    assert re.match(said, str(refused.value)), refused.value


@pytest.mark.slow
def test_a_worker_with_other_versions_is_refused(folder: str, workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = describe_versions() | {"polars": "9.9"}
    monkeypatch.setattr(cluster_workers, "describe_versions", lambda: versions)
    with pytest.raises(UsageError, match=r"has polars 1\.41\.\d, but this machine has 9\.9\. Install the same"):
        scan_file(folder, RULES, {}, workers)


@pytest.mark.slow
def test_a_task_whose_worker_dies_is_given_to_another(workers: str) -> None:
    with open_workers(workers) as found:
        (first,) = found.collect([found.submit(os.getpid)])
        sleeping = [found.submit(time.sleep, 1.5) for _ in range(4)]
        time.sleep(0.5)
        os.kill(first, signal.SIGKILL)
        assert found.collect(sleeping) == [None] * 4


@pytest.mark.slow
def test_a_task_that_kills_every_worker_is_given_up(workers: str) -> None:
    with open_workers(workers) as found:
        ending = found.submit(os._exit, 1)
        with pytest.raises(ClusterError, match=rf"{workers}: the workers died .*the last one at tcp://.*more memory"):
            found.collect([ending])


@pytest.mark.slow
def test_a_scheduler_that_disappears_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 20)  # the client tries as long to connect again
    process, address = start_scheduler(tmp_path)
    below = start(tmp_path, "worker", address, "--nthreads", "1")
    try:
        with open_workers(address) as found:
            sleeping = found.submit(time.sleep, 60)
            process.kill()
            with pytest.raises(ClusterError, match=rf"--scheduler {address}: the scheduler disappeared\. Start"):
                found.collect([sleeping])
            while found.is_connected:
                time.sleep(0.1)
            with pytest.raises(ClusterError, match="the scheduler disappeared"):
                found.submit(time.sleep, 1)
    finally:
        end(below)
        end(process)


@pytest.mark.slow
def test_a_cluster_that_loses_its_last_worker_is_said(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask would wait for another worker for ever."""
    monkeypatch.setattr(cluster_workers, "WORKER_SECONDS", 1)
    below = start(tmp_path, "worker", scheduler, "--nthreads", "1")
    with open_workers(scheduler) as found:
        sleeping = found.submit(time.sleep, 60)
        end(below)
        with pytest.raises(ClusterError, match="the scheduler no longer has workers"):
            found.collect([sleeping])


@pytest.mark.slow
def test_a_scheduler_without_the_project_is_refused(tmp_path: Path) -> None:
    process, address = start_scheduler(tmp_path, {"PYTHONPATH": hide_project(tmp_path)})
    below = start(tmp_path, "worker", address, "--nthreads", "1")
    try:
        with (
            pytest.raises(UsageError, match=r"the scheduler has no module 'mlops.*'\. Install this project"),
            open_workers(address),
        ):
            pass
    finally:
        end(below)
        end(process)


@pytest.mark.slow
def test_a_worker_without_the_project_is_refused(tmp_path: Path) -> None:
    process, address = start_scheduler(tmp_path)
    below = start(tmp_path, "worker", address, "--nthreads", "1", environ={"PYTHONPATH": hide_project(tmp_path)})
    try:
        with pytest.raises(UsageError, match=r"the worker tcp://\S+ has no module 'mlops.*'"), open_workers(address):
            pass
    finally:
        end(below)
        end(process)


def hide_project(folder: Path) -> str:
    """Return a folder for PYTHONPATH that hides the project from a process."""
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['mlops'] = None\n")
    return str(folder)
