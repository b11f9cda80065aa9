"""Tasks and connections that fail. The cluster is a fake, and tasks run in this process."""

import errno
from collections.abc import Mapping
from typing import Any

import pytest

from mlops.cluster.parts import Part
from mlops.cluster.workers import SOURCES, DaskWorkers, Place, run_task
from mlops.errors import ClusterError, UsageError
from mlops.problem import Column

HERE = Place("--scheduler", "tcp://10.0.0.7:8786", {})
PART = Part("data.parquet", "a.parquet", "/data/a.parquet", ".parquet")


class LostClient:
    """A client whose scheduler disappears between the connection and the first question."""

    status = "running"

    def wait_for_workers(self, count: int, timeout: float) -> None:
        """See `Client`."""
        raise TimeoutError

    def nthreads(self) -> Mapping[str, int]:
        """See `Client`."""
        raise OSError("Timed out trying to connect")


class Worker:
    """The worker that runs a task."""

    address = "tcp://10.0.0.8:4000"


@pytest.fixture
def _on_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distributed.get_worker", Worker)


def fail(error: Exception, *_: object) -> None:
    raise error


def test_a_scheduler_that_disappears_before_its_workers_are_counted_is_said() -> None:
    client: Any = LostClient()
    with pytest.raises(ClusterError, match=r"--scheduler tcp://10\.0\.0\.7:8786: the scheduler disappeared"):
        DaskWorkers(client, HERE.address)


def test_the_sources_of_all_objects_that_travel_are_compared() -> None:
    for travels in (Column, Part):
        assert travels.__module__.split(".")[1] in SOURCES


@pytest.mark.usefixtures("_on_a_worker")
def test_a_file_that_a_worker_cannot_read_is_named() -> None:
    with pytest.raises(UsageError, match=r"worker tcp://10\.0\.0\.8:4000 cannot read /data/a\.parquet \(No such"):
        run_task(HERE, fail, FileNotFoundError(errno.ENOENT, "No such file or directory"), PART)


@pytest.mark.usefixtures("_on_a_worker")
@pytest.mark.parametrize("arguments", [(), (PART,)])
def test_a_full_disk_is_not_reported_as_unreadable_data(arguments: tuple[Part, ...]) -> None:
    with pytest.raises(
        ClusterError, match=r"0\.8:4000 failed \(No space left on device\)\. Repair the worker, and run"
    ):
        run_task(HERE, fail, OSError(errno.ENOSPC, "No space left on device"), *arguments)


@pytest.mark.usefixtures("_on_a_worker")
def test_a_task_without_a_file_names_none() -> None:
    with pytest.raises(ClusterError, match=r"the worker tcp://10\.0\.0\.8:4000 failed \(broken\)\."):
        run_task(HERE, fail, OSError("broken"))
