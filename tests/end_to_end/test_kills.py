"""kill -9 at any time, of the runner, the kernel or both: finished steps stay finished, and nothing is created twice.

One run is killed again and again: before a step has done anything, while its results are recorded, and right after.
After each kill it is resumed, until it succeeds.
"""

import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from kernel_processes import find_kernels
from recorded_trainings import list_trainings

from mlops.pipelines import PIPELINES
from mlops.record.ledger import RunRecord, StepRecord, list_runs

STEPS = [step.name for step in PIPELINES["all"]]
MOMENTS = ("before", "during", "after")
TARGETS = ("runner", "kernel", "both")
START = ("run", "all", "--force", "-p", "evaluate.promote_always=true", "--reason", "a test")
LINEAGE = {"run_id", "data_sha256", "git_commit", "mse", "BuildId", "BuildUri", "notebooks"}


@dataclass(frozen=True)
class Kill:
    """One kill."""

    step: str
    moment: str
    target: str


def wait_for(kill: Kill, outputs: Path, process: Any) -> bool:
    """Wait for the moment of a kill; return False if the command ended before it."""
    while process.poll() is None:
        record = read_newest(outputs)
        found = record.step(kill.step) if record else None
        if record and found and has_come(kill.moment, found, outputs / record.run_id):
            return True
        time.sleep(0.001)
    return False


def has_come(moment: str, step: StepRecord, folder: Path) -> bool:
    """Return whether the moment has come: "during" means that the notebook is saved, but not yet recorded."""
    if moment == "before" or step.state != "running":
        return step.state == ("running" if moment == "before" else "done")
    if moment == "after":
        return False
    copies = folder.glob(f"{step.notebook}{'-' if step.environment else ''}{step.environment}.ipynb")
    return any(json.loads(copy.read_text())["metadata"]["papermill"]["end_time"] for copy in copies)


def read_newest(outputs: Path) -> RunRecord | None:
    """Read the newest record."""
    with contextlib.suppress(IndexError):
        return list_runs(outputs)[0]
    return None


def strike(kill: Kill, outputs: Path, process: Any) -> None:
    """Kill the target, or the runner if there is no kernel."""
    record = read_newest(outputs)
    assert record is not None
    runner, deadline = record.process[0], time.monotonic() + 10
    kernels = find_kernels(runner)
    while kill.moment == "before" and kill.target != "runner" and not kernels and time.monotonic() < deadline:
        kernels = find_kernels(runner)
    if kill.target != "runner":
        for kernel in kernels:
            with contextlib.suppress(psutil.Error):
                kernel.kill()
    if kill.target != "kernel" or not kernels:
        with contextlib.suppress(ProcessLookupError):
            os.kill(runner, signal.SIGKILL)
    process.communicate(timeout=120)


def run_with_kills(mlops: Any, kills: Iterator[Kill]) -> int:
    """Run everything, with kills and a resume after each, and return the number of kills."""
    outputs = mlops.workspace.outputs
    known = {record.run_id for record in list_runs(outputs)}
    process, done, struck = mlops.start(*START), {}, 0
    while read_newest(outputs) is None or read_newest(outputs).run_id in known:  # type: ignore[union-attr]
        time.sleep(0.005)
    for kill in kills:
        if wait_for(kill, outputs, process):
            strike(kill, outputs, process)
            struck += 1
            record = check_state(mlops, done)
            done = {step.name: step for step in record.steps if step.has_results}
            if "test_production" not in done:
                done.pop("deploy_production", None)  # an interrupted test undoes it, so it may run again
            process = mlops.start("resume")
    output, _ = process.communicate(timeout=300)
    record = check_state(mlops, done)
    if record.state != "succeeded":
        ran = mlops("resume")
        assert ran.returncode == 0, f"{output}\n{ran.stdout}\n{ran.stderr}"
    return struck


def check_state(mlops: Any, done: dict[str, StepRecord]) -> RunRecord:
    """Check that every file is complete and that finished steps did not run again."""
    record = list_runs(mlops.workspace.outputs)[0]
    for path in (mlops.workspace.outputs / record.run_id).iterdir():
        if path.suffix in (".ipynb", ".json"):
            json.loads(path.read_text())
    for name, before in done.items():
        now = record.step(name)
        assert now is not None
        assert (now.started, now.results) == (before.started, before.results), name
    return record


def check_registry(mlops: Any, runs: int) -> None:
    """Check that each run has created one complete version, and that the last one is served."""
    from mlops.backends import open_backend

    backend = open_backend("local", mlops.workspace)
    registry = backend.registry
    assert len(list_trainings(backend)) == runs
    champion = registry.find_champion("diabetes")
    assert champion is not None
    assert champion.version == runs
    versions = [registry.get_version("diabetes", number) for number in range(1, runs + 1)]
    assert [version.champion for version in versions] == [False] * (runs - 1) + [True]
    assert all({*version.tags} >= LINEAGE for version in versions)
    assert len({version.tags["BuildId"] for version in versions}) == runs
    status = json.loads(mlops("status", "--json").stdout)
    served = [(found["health"], found["model_version"], found["tested"]) for found in status["services"]]
    assert served == [("healthy", runs, "passed")] * 2


def plan_kills(first: int) -> list[Kill]:
    """Return a kill for each step and each moment. The targets take turns, beginning with number `first`."""
    targets = itertools.islice(itertools.cycle(TARGETS), first, None)
    return [
        Kill(step, moment, target)
        for (step, moment), target in zip(itertools.product(STEPS, MOMENTS), targets, strict=False)
    ]


@pytest.mark.slow
def test_a_run_killed_in_every_step_is_resumed_to_its_end(make_mlops: Any) -> None:
    mlops = make_mlops()
    kills = [kill for number, kill in enumerate(plan_kills(0)) if number % 4 == 0]
    assert len({kill.moment for kill in kills}) == len({kill.target for kill in kills}) == 3
    assert run_with_kills(mlops, iter(kills)) >= 5
    check_registry(mlops, runs=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_registry_is_whole_after_three_hundred_kills(make_mlops: Any) -> None:
    mlops = make_mlops()
    struck = runs = 0
    while struck < 300:
        struck += run_with_kills(mlops, iter(plan_kills(runs)))
        runs += 1
        check_registry(mlops, runs)
