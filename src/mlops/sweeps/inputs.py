"""What the swept notebook reads: results of earlier runs, or of a run made for it."""

from functools import partial

from mlops.errors import StepFailed
from mlops.pipelines import PIPELINES, PUBLISHED
from mlops.record.fingerprints import fingerprint_step
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.reuse import find_unchanged, take_over
from mlops.runner import Plan, Surroundings, run_pipeline
from mlops.sweeps.grid import Grid


def find_inputs(grid: Grid, record: RunRecord, around: Surroundings) -> tuple[StepRecord, ...]:
    """Return the steps that the swept step needs, as taken over from earlier runs; what has changed is run first.

    Parameters
    ----------
    grid : Grid
        What is to be swept.
    record : RunRecord
        Of the sweep; it has no such steps yet.
    around : Surroundings
        As for a run.

    Raises
    ------
    StepFailed
        If one of them fails: there is nothing to sweep over then.
    """
    found = _find_unchanged(grid, record, around)
    if len(found) < len(grid.needed):
        found = _run_needed(grid, around)
    return tuple(step for step in found if step.name in grid.step.needs)


def _find_unchanged(grid: Grid, record: RunRecord, around: Surroundings) -> list[StepRecord]:
    """Return the needed steps up to the first that would have to run."""
    found: list[StepRecord] = []
    for step in grid.needed:
        parameters = grid.parameters.values[step.name]
        so_far = RunRecord(record.run_id, "", "", "running", "", "", record.process, tuple(found))
        fingerprint = fingerprint_step(step, parameters, so_far, around.workspace, around.observe)
        wanted = StepRecord(step.name, step.notebook, step.environment)
        unchanged = find_unchanged(wanted, fingerprint, around.workspace.outputs, partial(around.is_kept, step))
        if unchanged is None:
            break
        found.append(unchanged)
    return found


def _run_needed(grid: Grid, around: Surroundings) -> list[StepRecord]:
    """Run the needed steps, as the pipeline that they are or as the beginning of the one that is published."""
    pipeline = next((name for name, steps in PIPELINES.items() if steps == grid.needed), PUBLISHED)
    run = run_pipeline(Plan(pipeline, grid.needed, grid.parameters), around)
    failed = next((step.name for step in run.steps if not step.has_results), "")
    if failed:
        raise StepFailed(f"{failed} failed, and {grid.step.name} needs its results: the sweep has not begun")
    return [take_over(step, run, "from run ") for step in run.steps]
