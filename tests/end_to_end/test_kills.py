"""kill -9 at any time, of the runner, the kernel or both: finished steps stay finished, and nothing is created twice.

One run is killed again and again: before a step has done anything, while its results are recorded, and right after.
After each kill it is resumed, until it succeeds. `tests/backends/local/test_killed_writers.py` kills the platform's
writers far more often.
"""

import contextlib
import itertools
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from kernel_processes import find_kernels
from recorded_trainings import list_trainings

from mlops.errors import ModelNotFoundError
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


class KilledRun:
    """One run, which is killed again and again, and resumed each time that this ended its runner.

    Parameters
    ----------
    mlops : CommandLine
        The command line, on the state that the run works on.
    """

    def __init__(self, mlops: Any) -> None:
        self._mlops = mlops
        self._outputs = mlops.workspace.outputs
        self._done: dict[str, StepRecord] = {}
        self._process = mlops.start(*START)

    def wait_for(self, kill: Kill) -> bool:
        """Wait for the moment of a kill; return False if the step or the run ended before it."""
        while self._keep_running():
            record = self._read()
            found = record.step(kill.step) if record and record.state == "running" else None
            if record and found:
                if found.state == "done" and kill.moment == "before":
                    return False
                if has_come(kill.moment, found, self._outputs / record.run_id):
                    return True
            time.sleep(0.001)
        return False

    def strike(self, kill: Kill) -> bool:
        """Kill the target, or the runner if there is no kernel; return False if the run ended before.

        The death of a kernel does not always end the run, because a kernel that dies early is replaced by a fresh one.
        """
        record = self._read()
        if record is None or record.state != "running":
            return False
        runner, deadline = record.process.pid, time.monotonic() + 10
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
            self._process.communicate(timeout=120)
        return True

    def finish(self) -> None:
        """Wait for the end of the run, resuming it until it succeeds."""
        while self._keep_running():
            time.sleep(0.01)

    def _keep_running(self) -> bool:
        """Resume the run if it has ended; return False once it has succeeded."""
        if self._process.poll() is not None:
            output, _ = self._process.communicate(timeout=120)
            record = self._check()
            if record.state == "succeeded":
                return False
            assert record.state in ("failed", "lost"), output
            self._process = self._mlops.start("resume")
        return True

    def _read(self) -> RunRecord | None:
        """Read the record; None before it is written."""
        found = list_runs(self._outputs)
        return found[0] if found else None

    def _check(self) -> RunRecord:
        """Check that every file is complete and that finished steps did not run again."""
        record = list_runs(self._outputs)[0]
        for path in (self._outputs / record.run_id).iterdir():
            if path.suffix in (".ipynb", ".json"):
                json.loads(path.read_text())
        for name, before in self._done.items():
            now = record.step(name)
            assert now is not None
            assert (now.started, now.results) == (before.started, before.results), name
        self._done = {step.name: step for step in record.steps if step.has_results}
        if "test_production" not in self._done:
            self._done.pop("deploy_production", None)  # an interrupted test undoes it, so it may run again
        return record


def has_come(moment: str, step: StepRecord, folder: Path) -> bool:
    """Return whether the moment has come: "during" means that the notebook is saved, but not yet recorded."""
    if moment == "before" or step.state != "running":
        return step.state == ("running" if moment == "before" else "done")
    if moment == "after":
        return False
    copies = folder.glob(f"{step.notebook}{'-' if step.environment else ''}{step.environment}.ipynb")
    return any(json.loads(copy.read_text())["metadata"]["papermill"]["end_time"] for copy in copies)


def check_registry(mlops: Any) -> None:
    """Check that the run has created one complete version, and that it is served."""
    from mlops.backends import open_backend

    backend = open_backend("local", mlops.workspace)
    assert len(list_trainings(backend)) == 1
    champion = backend.registry.find_champion("diabetes")
    assert champion is not None
    assert champion.version == 1
    assert {*champion.tags} >= LINEAGE
    with pytest.raises(ModelNotFoundError):
        backend.registry.get_version("diabetes", 2)
    status = json.loads(mlops("status", "--json").stdout)
    served = [(found["health"], found["model_version"], found["tested"]) for found in status["services"]]
    assert served == [("healthy", 1, "passed")] * 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_killed_at_three_moments_of_every_step_is_resumed_to_its_end(make_mlops: Any) -> None:
    mlops = make_mlops()
    moments = itertools.product(STEPS, MOMENTS)
    # The targets shift by one with each step, so that every moment meets every target.
    targets = (TARGETS[(number + number // 3) % 3] for number in itertools.count())
    kills = [Kill(step, moment, target) for (step, moment), target in zip(moments, targets, strict=False)]
    assert len({(kill.moment, kill.target) for kill in kills}) == 9
    run = KilledRun(mlops)
    struck = [kill for kill in kills if run.wait_for(kill) and run.strike(kill)]
    run.finish()
    assert len(struck) >= len(kills) * 3 // 4
    assert {kill.step for kill in struck} == {*STEPS}
    check_registry(mlops)
