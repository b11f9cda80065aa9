"""Results of earlier runs, taken over: those of steps that have not changed, and those that `--only` builds on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mlops.errors import IntegrityError, UsageError
from mlops.files import write_atomically
from mlops.notebook.handoff import name_copy, read_scraps
from mlops.parameters.suggestion import suggest
from mlops.pipelines import Step
from mlops.record.fingerprints import has_kept_files
from mlops.record.ledger import RunRecord, StepRecord, iterate_runs, list_runs

LOOKED_AT = 100  # newest runs in which an unchanged step is looked for


def find_unchanged(
    step: StepRecord, fingerprint: str, outputs: Path, is_kept: Callable[[StepRecord], bool] = lambda step: True
) -> StepRecord | None:
    """Find a step of an earlier run that has the results which this one would have.

    Parameters
    ----------
    step : StepRecord
        The step that is to run.
    fingerprint : str
        See `mlops.record.fingerprints`; empty for a step whose results are never taken over.
    outputs : Path
        Holds one folder a run.
    is_kept : callable
        Says whether what a step has left on the platform is still there.

    Returns
    -------
    StepRecord or None
        The step as reused, whose `source` says from which run; None where it must run.
    """
    if not fingerprint:
        return None
    for run in islice(iterate_runs(outputs), LOOKED_AT):
        found = run.step(step.name)
        if not found or not found.has_results or found.fingerprint != fingerprint:
            continue
        if has_copy(found, outputs / run.run_id) and has_kept_files(found) and is_kept(found):
            return take_over(found, run, "unchanged since run ")
    return None


def find_only(only: str, pipeline: str, steps: Sequence[Step], outputs: Path) -> list[StepRecord]:
    """Find the newest results of the steps that the only one to run needs.

    Parameters
    ----------
    only : str
        The step to run.
    pipeline : str
        Its pipeline, for messages.
    steps : sequence of Step
        All steps of the pipeline.
    outputs : Path
        Holds one folder a run.

    Returns
    -------
    list of StepRecord
        The steps as reused; where an earlier step has refused, that step alone, and the only one is skipped.

    Raises
    ------
    UsageError
        If there is no such step, a result is missing, or the results belong to different runs.
    """
    known = {step.name: step for step in steps}
    if only not in known:
        raise UsageError(f"--only {only}: there is no such step in {pipeline}{suggest(only, known, 'Its steps')}")
    needed = [name for name in known[only].needs if name in known]
    runs = list_runs(outputs)
    refused = _find_refused(only, steps, runs)
    if refused:
        return [refused]
    newest = {
        name: next((run for run in runs if (found := run.step(name)) and found.has_results), None) for name in needed
    }
    reused = []
    for name, run in newest.items():
        found = run.step(name) if run else None
        if run is None or found is None:
            raise UsageError(
                f"--only {only} needs the results of {name}, and no run has them: run `mlops run {pipeline}` first"
            )
        _require_consistent(only, known[name], run, newest)
        if not has_copy(found, outputs / run.run_id):
            raise UsageError(
                f"--only {only} needs the results of {name}, but its notebook in run {run.run_id} is missing or "
                f"damaged. Run {name} again first."
            )
        reused.append(take_over(found, run, "from run "))
    return reused


def _find_refused(only: str, steps: Sequence[Step], runs: Sequence[RunRecord]) -> StepRecord | None:
    """Return the step before the only one that has refused, if that is newer than what the only one needs.

    A release that runs step by step ends for all of its steps where one of them refuses.
    """
    known = [step.name for step in steps]
    before = [step for step in steps if step.refuses and step.name in known[: known.index(only)]]
    if not before:
        return None
    for run in runs:
        records = [(step, found) for step in before if (found := run.step(step.name)) and found.has_results]
        if records:
            refused = (found for step, found in records if found.results.get(step.refuses))
            return next((take_over(found, run, "from run ") for found in refused), None)
    return None


def copy_results(step: StepRecord, folder: Path) -> None:
    """Copy the executed notebook of a reused step to the folder of the run that takes it over."""
    executed = locate_copy(step, folder.parent / step.source)
    write_atomically(locate_copy(step, folder), executed.read_bytes())


def locate_copy(step: StepRecord, folder: Path) -> Path:
    """Return where the executed notebook of a step is, in the folder of its run."""
    return folder / name_copy(step.notebook, step.environment)


def has_copy(step: StepRecord, folder: Path) -> bool:
    """Say whether the executed notebook of a step is in the folder of its run, and whole: the next steps read it."""
    path = locate_copy(step, folder)
    try:
        return path.is_file() and read_scraps(path) is not None
    except IntegrityError:
        return False


def take_over(step: StepRecord, run: RunRecord, reason: str) -> StepRecord:
    """Return a step as taken over from a run, or from the run that had it first; its report is the one made there."""
    source = step.source or run.run_id
    report = step.report if step.source or not step.report else f"../{source}/{step.report}"
    return replace(step, state="reused", source=source, reason=f"{reason}{source}", seconds=0.0, report=report)


def _require_consistent(only: str, step: Step, run: RunRecord, newest: Mapping[str, RunRecord | None]) -> None:
    """Refuse results that were made from others than those that are taken over beside them."""
    for needed in step.needs:
        other, used = newest.get(needed), run.step(needed)
        if other is None or used is None:
            continue
        offered = other.step(needed)
        if offered and offered.results != used.results:
            raise UsageError(
                f"--only {only}: {needed} has run again since {step.name} used it (in {other.run_id}): "
                f"run {step.name} again first"
            )
