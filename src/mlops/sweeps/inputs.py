"""The inputs of the swept notebook: results of earlier runs, or of a run that is made for the sweep."""

from functools import partial

from mlops.errors import StepFailed
from mlops.pipelines import PIPELINES, PUBLISHED
from mlops.record.fingerprints import fingerprint_step
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.reuse import find_unchanged, take_over
from mlops.runner import Plan, Surroundings, run_pipeline
from mlops.sweeps.grid import Grid


def find_inputs(grid: Grid, record: RunRecord, around: Surroundings) -> tuple[StepRecord, ...]:
    """Return the steps that the swept step needs. If one of them cannot be reused from an earlier run, run them first.

    Parameters
    ----------
    grid : Grid
        The combinations to try.
    record : RunRecord
        The record of the sweep, which does not contain these steps yet.
    around : Surroundings
        The surroundings of the sweep, which are the same as for a run.

    Raises
    ------
    StepFailed
        If one of these steps fails.
    """
    found = _find_unchanged(grid, record, around)
    if len(found) < len(grid.needed):
        found = _run_needed(grid, around)
    return tuple(step for step in found if step.name in grid.step.needs)


def _find_unchanged(grid: Grid, record: RunRecord, around: Surroundings) -> list[StepRecord]:
    """Return the needed steps that can be reused, up to the first step that has to run."""
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
    """Run the needed steps, as a pipeline with exactly these steps or, if there is none, as the published pipeline."""
    pipeline = next((name for name, steps in PIPELINES.items() if steps == grid.needed), PUBLISHED)
    run = run_pipeline(Plan(pipeline, grid.needed, grid.parameters), around)
    failed = next((step.name for step in run.steps if not step.has_results), "")
    if failed:
        raise StepFailed(f"{failed} failed, and {grid.step.name} needs its results. The sweep did not start.")
    return [take_over(step, run, "from run ") for step in run.steps]
