"""What the swept notebook reads: results of earlier runs, or of a run made for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.errors import StepFailed
from mlops.files import write_atomically
from mlops.handoff import name_copy
from mlops.ledger import RunRecord, StepRecord, list_runs
from mlops.pipelines import PIPELINES
from mlops.runner import Listener, Plan, run_pipeline
from mlops.sweeps.grid import Grid
from mlops.workspace import Workspace


def find_inputs(grid: Grid, workspace: Workspace) -> RunRecord | None:
    """Return the newest run that has done all that the swept step needs, with the parameters of this sweep."""
    for run in list_runs(workspace.outputs):
        if all(_has_done(run, name, grid.parameters.values[name]) for name in grid.step.needs):
            return run
    return None


def make_inputs(
    grid: Grid, workspace: Workspace, listeners: Sequence[Listener], secrets: Callable[[], Iterable[str]]
) -> RunRecord:
    """Run the steps that the swept step needs.

    Raises
    ------
    StepFailed
        If one of them fails: there is nothing to sweep over then.
    """
    names = {pipeline: steps for pipeline, steps in PIPELINES.items() if steps == grid.needed}
    plan = Plan(next(iter(names), "retrain"), grid.needed, grid.parameters)
    record = run_pipeline(plan, workspace, listeners, secrets=secrets)
    if record.state != "succeeded":
        failed = next((step.name for step in record.steps if step.state == "failed"), record.pipeline)
        raise StepFailed(f"{failed} failed, and {grid.step.name} needs its results: the sweep has not begun")
    return record


def take_inputs(grid: Grid, source: RunRecord, outputs: Path, folder: Path) -> tuple[StepRecord, ...]:
    """Copy the notebooks that the swept step reads into the sweep's folder, and return their records."""
    taken = []
    for name in grid.step.needs:
        found = source.step(name)
        assert found is not None
        copy = name_copy(found.notebook, found.environment)
        write_atomically(folder / copy, (outputs / source.run_id / copy).read_bytes())
        taken.append(replace(found, state="reused", reason=f"from run {source.run_id}", report=""))
    return tuple(taken)


def _has_done(run: RunRecord, name: str, values: Mapping[str, Any]) -> bool:
    """Say whether a run has done a step itself, and with these values."""
    step = run.step(name)
    if step is None or step.state != "done":
        return False
    told = {"run_folder", "sweep"}
    return {key: value for key, value in step.parameters.items() if key not in told} == dict(values)
