"""A kernel that dies in any step: a truthful red run, and a registry without half-made versions."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from mlops.ledger import RunRecord, list_runs
from mlops.pipelines import PIPELINES

STEPS = [step.name for step in PIPELINES["all"]]


@pytest.fixture(scope="module")
def prepared(mlops):  # type: ignore[no-untyped-def]
    """A state in which every step has run once."""
    ran = mlops("run", "all")
    assert ran.returncode == 0, ran.stderr
    return mlops


def find_kernel(runner: int, deadline: float) -> psutil.Process:
    """Wait for the kernel of a runner, and for it to have begun its work."""
    while time.monotonic() < deadline:
        for child in psutil.Process(runner).children():
            with contextlib.suppress(psutil.Error):  # between fork and exec it has no command line
                if "ipykernel_launcher" in " ".join(child.cmdline()) and child.cpu_times().user > 0.6:
                    return child
        time.sleep(0.01)
    raise AssertionError("no kernel came up")


def kill_in(prepared, *words: str) -> tuple[int, str, RunRecord]:  # type: ignore[no-untyped-def]
    """Run a command, kill its kernel with SIGKILL, and return exit code, output and record."""
    process = prepared.start(*words)
    find_kernel(process.pid, time.monotonic() + 60).kill()
    output, _ = process.communicate(timeout=120)
    return process.returncode, output, list_runs(prepared.workspace.outputs)[0]


def read_versions(prepared) -> list[tuple[int, set[str]]]:  # type: ignore[no-untyped-def]
    """Return every registered version with the names of its tags."""
    from mlops.backends import open_backend

    registry = open_backend("local", prepared.workspace).registry
    champion = registry.find_champion("diabetes")
    assert champion is not None
    return [(number, {*registry.get_version("diabetes", number).tags}) for number in range(1, champion.version + 1)]


FAST = ("train", "register", "deploy_production")  # the others run in `make test-all`


@pytest.mark.parametrize(
    "step", [step if step in FAST else pytest.param(step, marks=pytest.mark.slow) for step in STEPS]
)
def test_a_kernel_killed_in_a_step_leaves_the_truth(prepared, step: str) -> None:  # type: ignore[no-untyped-def]
    code, output, record = kill_in(prepared, "run", "all", "--only", step)
    assert code == 1, output
    assert (record.state, record.outcome) == ("failed", "error")
    failed = [found for found in record.steps if found.state == "failed"]
    assert [found.name for found in failed] == [step]
    assert failed[0].error.startswith("the kernel died in the cell that begins")
    assert failed[0].error in output
    notebook = prepared.workspace.outputs / record.run_id / failed[0].report.replace(".html", ".ipynb")
    assert json.loads(notebook.read_text())["metadata"]["papermill"]["exception"] is True
    complete = {"run_id", "data_sha256", "git_commit", "mse", "BuildId", "BuildUri", "notebooks"}
    assert [(number, complete - tags) for number, tags in read_versions(prepared)] == [(1, set())]


@pytest.mark.slow
def test_after_all_that_a_run_is_whole_again(prepared) -> None:  # type: ignore[no-untyped-def]
    ran = prepared("run", "all")
    assert ran.returncode == 0, ran.stderr
    assert "diabetes version 1 is the champion" in ran.stdout
    assert "(healthy, model version 1)" in ran.stdout


def test_a_terminated_run_says_so_and_leaves_no_kernel(prepared) -> None:  # type: ignore[no-untyped-def]
    process = prepared.start("run", "build")
    kernel = find_kernel(process.pid, time.monotonic() + 60)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    record = list_runs(prepared.workspace.outputs)[0]
    assert (process.returncode, record.state, record.steps[0].error) == (130, "interrupted", "interrupted")
    assert not Path(f"/proc/{kernel.pid}").exists()


def test_a_killed_runner_is_read_as_lost(prepared) -> None:  # type: ignore[no-untyped-def]
    process = prepared.start("run", "build")
    kernel = find_kernel(process.pid, time.monotonic() + 60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    record = list_runs(prepared.workspace.outputs)[0]
    assert (record.state, record.steps[0].state) == ("lost", "failed")
    psutil.wait_procs([kernel], timeout=30)
    assert not kernel.is_running()
