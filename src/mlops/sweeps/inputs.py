"""The inputs of the swept notebook: results of earlier runs or, if they are out of date, of a new run."""

from functools import partial

from mlops.errors import StepFailed
from mlops.pipelines import PIPELINES, PUBLISHED
from mlops.record.fingerprints import fingerprint_step
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.reuse import find_unchanged, take_over
from mlops.runner import Plan, Surroundings, run_pipeline
from mlops.sweeps.grid import Grid


def find_inputs(grid: Grid, record: RunRecord, around: Surroundings) -> tuple[StepRecord, ...]:
    """Return the records of the steps that the swept step needs. If a record is out of date, run all these steps first.

    Parameters
    ----------
    grid : Grid
        The combinations to try.
    record : RunRecord
        The record of the sweep.
    around : Surroundings
        The project and the platform to run with.

    Raises
    ------
    StepFailed
        If a needed step fails.
    """
    found = _find_reusable_records(grid, record, around)
    if len(found) < len(grid.needed):
        found = _run_needed(grid, around)
    return tuple(step for step in found if step.name in grid.step.needs)


def _find_reusable_records(grid: Grid, record: RunRecord, around: Surroundings) -> list[StepRecord]:
    found: list[StepRecord] = []
    for step in grid.needed:
        parameters = grid.parameters.values[step.name]
        so_far = RunRecord(record.run_id, "", "", "running", "", "", record.process, tuple(found))
        fingerprint = fingerprint_step(step, parameters, so_far, around.workspace, around.observe)
        unchanged = find_unchanged(step, fingerprint, around.workspace.outputs, partial(around.is_kept, step))
        if unchanged is None:
            break
        found.append(unchanged)
    return found


def _run_needed(grid: Grid, around: Surroundings) -> list[StepRecord]:
    pipeline = next((name for name, steps in PIPELINES.items() if steps == grid.needed), PUBLISHED)
    run = run_pipeline(Plan(pipeline, grid.needed, grid.parameters), around)
    failed = next((step.name for step in run.steps if not step.has_results), "")
    if failed:
        raise StepFailed(f"{failed} failed, and {grid.step.name} needs its results. The sweep did not start.")
    return [take_over(step, run, "from run ") for step in run.steps]
