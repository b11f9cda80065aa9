"""Failures during a run: the run is red, its state is complete, and it can be resumed."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from kernel_processes import find_kernels, wait_for_kernel

from mlops.record.ledger import RunRecord, list_runs


@pytest.fixture(scope="module")
def prepared(mlops):  # type: ignore[no-untyped-def]
    """A state in which every step has run once."""
    ran = mlops("run", "all")
    assert ran.returncode == 0, ran.stderr
    return mlops


def kill_in(prepared, *words: str) -> tuple[int, str, RunRecord]:  # type: ignore[no-untyped-def]
    """Run a command, kill its kernel with SIGKILL, and return exit code, output and record."""
    process = prepared.start(*words)
    wait_for_kernel(process.pid).kill()
    output, _ = process.communicate(timeout=120)
    return process.returncode, output, list_runs(prepared.workspace.outputs)[0]


LATER = ("train", "deploy_production")  # all steps, and kills of the runner: test_kills.py


def read_versions(prepared) -> list[tuple[int, set[str]]]:  # type: ignore[no-untyped-def]
    """Return every registered version with the names of its tags."""
    from mlops.backends import open_backend

    registry = open_backend("local", prepared.workspace).registry
    champion = registry.find_champion("diabetes")
    assert champion is not None
    return [(number, {*registry.get_version("diabetes", number).tags}) for number in range(1, champion.version + 1)]


@pytest.mark.parametrize("step", ["register", *(pytest.param(name, marks=pytest.mark.slow) for name in LATER)])
def test_a_kernel_killed_in_a_step_leaves_the_truth(prepared, step: str) -> None:  # type: ignore[no-untyped-def]
    first = list_runs(prepared.workspace.outputs)[-1]  # other tests leave runs of only some steps
    code, output, record = kill_in(prepared, "run", "all", "--only", step, "--from", first.run_id)
    assert code == 1, output
    assert (record.state, record.outcome) == ("failed", "error")
    failed = [found for found in record.steps if found.state == "failed"]
    assert [found.name for found in failed] == [step]
    assert failed[0].error.startswith(("The kernel died in the cell that begins", "The kernel did not start: it died"))
    assert failed[0].error in output
    complete = {"run_id", "data_sha256", "git_commit", "mse", "BuildId", "BuildUri", "notebooks"}
    assert [(number, complete - tags) for number, tags in read_versions(prepared)] == [(1, set())]


def test_a_terminated_run_says_so_leaves_no_kernel_and_is_resumed(prepared) -> None:  # type: ignore[no-untyped-def]
    process = prepared.start("run", "build", "--force")
    kernel = wait_for_kernel(process.pid)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    record = list_runs(prepared.workspace.outputs)[0]
    assert (process.returncode, record.state, record.steps[0].error) == (130, "interrupted", "interrupted"), output
    assert f"mlops: interrupted. Resume the run with `mlops resume {record.run_id}`." in output
    assert not kernel.is_running()
    resumed = prepared("resume")
    assert resumed.returncode == 0, resumed.stderr
    assert list_runs(prepared.workspace.outputs)[0].run_id == record.run_id


def test_a_killed_runner_is_read_as_lost_and_resumed(prepared) -> None:  # type: ignore[no-untyped-def]
    process = prepared.start("run", "build", "--force")
    kernel = wait_for_kernel(process.pid)
    running = list_runs(prepared.workspace.outputs)[0]
    os.kill(running.process[0], signal.SIGKILL)
    process.communicate(timeout=60)
    record = list_runs(prepared.workspace.outputs)[0]
    assert (record.run_id, record.state, record.steps[0].state) == (running.run_id, "lost", "failed")
    psutil.wait_procs([kernel], timeout=30)
    assert not kernel.is_running()
    resumed = prepared("resume", record.run_id)
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.slow
def test_a_kill_while_the_database_is_made_is_forgotten(make_mlops) -> None:  # type: ignore[no-untyped-def]
    mlops = make_mlops()
    process = mlops.start("run", "retrain")
    while not list(mlops.workspace.home.glob(".mlflow.db.*/made.db")):
        assert process.poll() is None
        time.sleep(0.005)
    for kernel in find_kernels(list_runs(mlops.workspace.outputs)[0].process[0]):
        kernel.kill()
    assert process.wait(120) == 1
    assert not (mlops.workspace.home / "mlflow.db").exists()
    resumed = mlops("resume")
    assert resumed.returncode == 0, resumed.stderr
    assert [number for number, _ in read_versions(mlops)] == [1]


@pytest.mark.parametrize("warm", ["0", "1"])
@pytest.mark.parametrize(
    "closed", ["<&- >&- 2>&-", *(pytest.param(one, marks=pytest.mark.slow) for one in (">&-", "2>&-"))]
)
def test_a_closed_standard_file_is_no_harm(prepared, closed: str, warm: str) -> None:  # type: ignore[no-untyped-def]
    program = prepared("--version").args[0]
    command = ["bash", "-c", f"{program} status {closed}"]
    environ = {**prepared.environ, "MLOPS_WARM_KERNELS": warm}  # a fork has other streams than a process of its own
    ran = subprocess.run(command, env=environ, cwd=prepared.workspace.project, timeout=60, check=False)
    assert ran.returncode == 0


@pytest.mark.slow
def test_a_model_whose_files_are_gone_is_trained_again(make_mlops) -> None:  # type: ignore[no-untyped-def]
    mlops = make_mlops()
    assert mlops("run", "retrain").returncode == 0
    shutil.rmtree(mlops.workspace.home / "artifacts")
    ran = mlops("run", "retrain", "--only", "evaluate")
    assert ran.returncode == 1
    assert "no longer exist in" in ran.stderr
    again = mlops("run", "retrain")
    assert re.search("✓ train +done", again.stderr), again.stderr


def test_there_is_nothing_to_resume_after_a_success(prepared) -> None:  # type: ignore[no-untyped-def]
    prepared.invoke("run", "build")
    ran = prepared.invoke("resume")
    assert ran.returncode == 2
    assert "succeeded, so there is nothing to resume. `mlops status` lists the runs" in ran.stderr
    unknown = prepared.invoke("resume", "20200101-000000-all-00000000")
    assert unknown.returncode == 2
    assert "There is no run 20200101-000000-all-00000000 in" in unknown.stderr


@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_a_trigger_that_is_replayed_registers_one_version(prepared, times: int) -> None:  # type: ignore[no-untyped-def]
    for _ in range(times):
        assert prepared.invoke("run", "retrain").returncode == 0
    assert [number for number, _ in read_versions(prepared)] == [1]


@pytest.mark.slow
def test_runs_at_once_do_not_corrupt_each_other(make_mlops) -> None:  # type: ignore[no-untyped-def]
    """There is one champion. A run that loses the race says so, and its version is complete if it was registered.

    On every change, processes that register at once show the same in tests/backends/local/test_registry.py.
    """
    mlops = make_mlops()
    processes = [mlops.start("run", "retrain") for _ in range(3)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    records = list_runs(mlops.workspace.outputs)
    assert len(records) == 3
    for record, output in zip(records, outputs, strict=True):
        failed = any(step.error for step in record.steps)
        assert record.state == ("failed" if failed else "succeeded"), output
    errors = [step.error for record in records for step in record.steps if step.error]
    assert all("ConflictError" in error and "Run `mlops run retrain` again" in error for error in errors), errors
    assert all("data_sha256" in tags for _, tags in read_versions(mlops))
    assert sum("champion" in tags for _, tags in read_versions(mlops)) == 1
    assert mlops("run", "retrain").returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_outputs_that_fill_up_end_the_run_with_the_reason(prepared, tmp_path) -> None:  # type: ignore[no-untyped-def]
    before = json.loads(prepared("status", "--json").stdout)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", tmp_path], check=True)
    try:
        outputs = {"MLOPS_OUTPUTS": str(tmp_path)}
        ran = prepared("run", "build", "--force", **outputs)
        (record,) = list_runs(tmp_path)
        subprocess.run(["mount", "-o", "remount,size=50m", tmp_path], check=True)
        resumed = prepared("resume", **outputs)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert ran.returncode == 1, ran.stderr
    assert re.search(r"Could not write \S+: No space left on device\. Free some space", ran.stderr)
    assert record.state == "failed"
    after = json.loads(prepared("status", "--json").stdout)
    assert (after["champion"], after["services"]) == (before["champion"], before["services"])
    assert resumed.returncode == 0


def test_a_data_file_that_vanishes_is_an_error_that_names_it(prepared, tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = tmp_path / "new.csv"
    data.write_bytes(next((prepared.workspace.home / "datasets").rglob("diabetes.csv")).read_bytes())
    tested = prepared.invoke("run", "build", "-p", f"test_data.data_path={data}")
    assert tested.returncode == 0, tested.stderr
    data.unlink()
    ran = prepared.invoke("run", "retrain", "--only", "train")
    assert ran.returncode == 2
    assert f"their file {data} is missing. Restore it" in ran.stderr
    assert "Traceback" not in ran.stderr
