"""A Dask cluster for tests: a scheduler and two worker processes, reached over TCP on the loopback."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest

from mlops.cluster import connection

NOTHING: Mapping[str, str] = MappingProxyType({})
DASK = str(Path(sys.executable).with_name("dask"))


def start(folder: Path, *words: str, environ: Mapping[str, str] = NOTHING) -> "subprocess.Popen[bytes]":
    """Start a part of the cluster with additional environment variables."""
    log = open(folder / f"{words[0]}.log", "wb")  # noqa: SIM115, the process keeps it
    return subprocess.Popen(
        [DASK, *words, "--no-dashboard"], cwd=folder, stdout=log, stderr=log, env={**os.environ, **environ}
    )


def start_scheduler(folder: Path, environ: Mapping[str, str] = NOTHING) -> "tuple[subprocess.Popen[bytes], str]":
    """Start a scheduler, and return its process and its address."""
    process = start(folder, "scheduler", "--host", "127.0.0.1", "--port", "0", environ=environ)
    for _ in range(600):
        found = re.search(r"Scheduler at: +(tcp://\S+)", (folder / "scheduler.log").read_text())
        if found:
            return process, found[1]
        time.sleep(0.1)
    end(process)
    raise AssertionError((folder / "scheduler.log").read_text())


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a part of the cluster and the processes that it started."""
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in below:
        if child.is_running():
            child.kill()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the time limits for a cluster, for busy machines."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 120)
    monkeypatch.setattr(connection, "WORKER_SECONDS", 120)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler without workers."""
    process, address = start_scheduler(tmp_path)
    yield address
    end(process)


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two worker processes, for all tests."""
    folder = tmp_path_factory.mktemp("cluster")
    process, address = start_scheduler(folder)
    try:
        below = start(folder, "worker", address, "--nworkers", "2", "--nthreads", "1")
        yield address
        end(below)
    finally:
        end(process)
