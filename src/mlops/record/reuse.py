"""The reuse of the results of earlier runs."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mlops.errors import ConflictError, IntegrityError, UsageError
from mlops.files.atomic import write_atomically
from mlops.files.urls import find_path
from mlops.parameters.suggestion import suggest
from mlops.pipelines import SWEEP
from mlops.pipelines.step import Step
from mlops.record.fingerprints import has_kept_files
from mlops.record.ledger import RunRecord, StepRecord, iterate_runs, list_runs
from mlops.scraps import name_copy, read_scraps

LOOKED_AT = 100  # the number of newest runs in which an unchanged step is searched for


def find_unchanged(
    step: Step, fingerprint: str, outputs: Path, is_kept: Callable[[StepRecord], bool] = lambda step: True
) -> StepRecord | None:
    """Return the record of an earlier execution of a step if its results can be reused, otherwise None.

    Parameters
    ----------
    step : Step
        The step that is about to run.
    fingerprint : str
        The hash of everything that the results depend on; empty if the results must never be reused.
    outputs : Path
        The outputs folder, which has a subfolder for each run.
    is_kept : callable
        A function that takes an earlier record of the step, and returns whether everything that the step created on the
        platform still exists.

    Returns
    -------
    StepRecord or None
        The record of the step, with the id of the earlier run in `source`; None if the step must run.
    """
    if not fingerprint:
        return None
    for run in islice(iterate_runs(outputs), LOOKED_AT):
        found = run.step(step.name)
        if not found or not found.has_results or found.fingerprint != fingerprint:
            continue
        if has_copy(found, outputs / run.run_id) and has_kept_files(step, found.results) and is_kept(found):
            return take_over(found, run, "unchanged since run ")
    return None


def find_only(
    only: str,
    pipeline: str,
    steps: Sequence[Step],
    outputs: Path,
    source: str = "",
    find_deployed: Callable[[str], str] = lambda environment: "",
    options: str = "",
    problem: str = "",
) -> list[StepRecord]:
    """Return earlier results of all steps that the step `only` needs.

    Parameters
    ----------
    only : str
        The step to run.
    pipeline : str
        The name of the pipeline, for messages.
    steps : sequence of Step
        All steps of the pipeline.
    outputs : Path
        The outputs folder, which has a subfolder for each run.
    source : str
        The run that has the results. Empty for the newest results.
    find_deployed : callable
        A function that takes an environment, and returns the digest of the image that is deployed in it, or "".
    options : str
        The option that selects the platform, such as " --platform azure", for use in messages. It may be empty.
    problem : str
        The package that declares the problem. Runs of other problems are ignored. Empty to use any run.

    Returns
    -------
    list of StepRecord
        The records of the reused steps. If an earlier step refused to act, for example to deploy, the list has
        only the record of that step.

    Raises
    ------
    UsageError
        If the step or run does not exist, if the run was made for another problem, or if a result is missing or
        outdated.
    """
    known = {step.name: step for step in steps}
    require_step(only, pipeline, known)
    needed = [name for name in known[only].needs if name in known]
    runs = _list_source_runs(outputs, source, options, problem)
    deployed = _find_tested_deployments(known[only], [known[name] for name in needed], runs, find_deployed)
    refused = _find_refused_step(only, steps, runs, concluded=bool(deployed))
    if refused:
        return [refused]
    newest = deployed or {
        name: next((run for run in runs if (found := run.step(name)) and found.has_results), None) for name in needed
    }
    reused = []
    for name, run in newest.items():
        found = run.step(name) if run else None
        if run is None or found is None:
            why = _explain_missing(name, pipeline, options, outputs, source, problem)
            raise UsageError(f"--only {only} needs the results of {name}, but {why}")
        _require_newest_inputs(only, known[name], run, newest)
        if not has_copy(found, outputs / run.run_id):
            raise UsageError(
                f"--only {only} needs the results of {name}, but its notebook in run {run.run_id} is missing or "
                f"damaged. Run {name} again first."
            )
        if lost := _find_lost_file(known[name], found):
            raise UsageError(
                f"--only {only} needs the results of {name} in run {run.run_id}, but their file {lost} is missing. "
                "Restore it (if MLOPS_HOME was moved, move it back), or use the present data with "
                f"`mlops run {pipeline}{options}`."
            )
        reused.append(take_over(found, run, "from run "))
    return reused


def _find_lost_file(step: Step, found: StepRecord) -> Path | None:
    urls = (str(found.results.get(file.url, "")) for file in step.hands_on)
    paths = (find_path(url) for url in urls if url and ("://" not in url or url.startswith("file://")))
    return next((path for path in paths if not path.exists()), None)


def require_step(only: str, pipeline: str, known: Collection[str]) -> None:
    """Raise an error if the pipeline has no step `only`.

    Raises
    ------
    UsageError
        If the pipeline has no such step; the message suggests the closest name.
    """
    if only not in known:
        raise UsageError(f"--only {only}: there is no such step in {pipeline}{suggest(only, known, 'Its steps')}")


def require_problem(run: RunRecord, problem: str, source: str, advice: str) -> None:
    """Raise an error if a run was made for another problem.

    Parameters
    ----------
    run : RunRecord
        The run. It is accepted if its record names no problem, as in old runs.
    problem : str
        The package that declares the current problem. Empty to accept any run.
    source : str
        The beginning of the error message, which names the run.
    advice : str
        The last sentence of the error message, which says what to do.

    Raises
    ------
    UsageError
        If the run was made for another problem.
    """
    if not _is_of(run, problem):
        raise UsageError(
            f"{source} was made for the problem {run.settings.problem!r}, but parameters/base.yml sets the problem "
            f"{problem!r}. {advice}"
        )


def _is_of(run: RunRecord, problem: str) -> bool:
    return not problem or run.settings.problem in ("", problem)


def _list_source_runs(outputs: Path, source: str, options: str, problem: str) -> list[RunRecord]:
    runs = list_runs(outputs)
    if not source:
        return [run for run in runs if run.pipeline != SWEEP and _is_of(run, problem)]
    named = [run for run in runs if run.run_id == source]
    if not named:
        raise UsageError(f"--from {source}: There is no such run in {outputs}. `mlops status{options}` lists the runs.")
    require_problem(named[0], problem, f"--from {source}: The run", "Name another run, or omit --from.")
    return named


def _explain_missing(name: str, pipeline: str, options: str, outputs: Path, source: str, problem: str) -> str:
    if source:
        return f"run {source} has none. Name another run with --from, or omit it."
    sweeps = (run for run in list_runs(outputs) if run.pipeline == SWEEP and _is_of(run, problem))
    if sweep := next((run for run in sweeps if run.has_results(name)), None):
        return f"only sweeps have them. Add `--from {sweep.run_id}` for the best combination of the newest sweep."
    return f"no run has them. Run `mlops run {pipeline}{options}` first."


def has_completed(only: str, reused: Iterable[StepRecord], outputs: Path) -> bool:
    """Return whether the step `only` was completed in an earlier run that used the results in `reused`."""
    wanted = {step.name: step.source for step in reused if step.source}
    return any(
        (found := run.step(only)) is not None
        and found.state == "done"
        and all((used := run.step(name)) and (used.source or run.run_id) == source for name, source in wanted.items())
        for run in list_runs(outputs)
    )


def _find_tested_deployments(
    only: Step, needed: Sequence[Step], runs: Sequence[RunRecord], find_deployed: Callable[[str], str]
) -> dict[str, RunRecord | None]:
    # The test uses the newest run that deployed the current image of the environment, even if its service is stopped.
    # If no run deployed this image, the test uses the newest deployment, and reports that another deployment replaced
    # it.
    found: dict[str, RunRecord | None] = {}
    for step in needed:
        if not step.deploys.digest or step.environment != only.environment:
            return {}
        acted = [
            (run, made)
            for run in runs
            if (made := run.step(step.name)) and made.has_results and not made.results.get(step.refuses)
        ]
        if not acted:
            return {}
        deployed = find_deployed(only.environment)
        kept = (run for run, made in acted if made.results[step.deploys.digest] == deployed)
        found[step.name] = next(kept, acted[0][0])
    return found


def _find_refused_step(
    only: str, steps: Sequence[Step], runs: Sequence[RunRecord], *, concluded: bool = False
) -> StepRecord | None:
    # Only the newest run that executed such a step is considered.
    known = [step.name for step in steps]
    before = [step for step in steps if step.refuses and step.name in known[: known.index(only)]]
    if not before:
        return None
    for run in runs:
        records = [(step, found) for step in before if (found := run.step(step.name)) and found.has_results]
        if records:
            refused = (take_over(found, run, "from run ") for step, found in records if found.results.get(step.refuses))
            first = next(refused, None)
            whole = {run.run_id for run in runs if not run.settings.only}
            return None if first and concluded and first.source in whole else first
    return None


def list_overtaken(run: RunRecord, steps: Iterable[Step]) -> set[str]:
    """Return the names of the steps that must run again, because another run has changed the state that they read."""
    steps = tuple(steps)
    refused = [step for step in steps if (found := run.step(step.name)) and found.error_kind == ConflictError.__name__]
    needed = {name for step in refused for name in step.needs}
    return {step.name for step in steps if step.watches and step.name in needed}


def copy_results(step: StepRecord, folder: Path) -> None:
    """Copy the executed notebook of a reused step to the folder of the run that reuses it."""
    executed = locate_copy(step, folder.parent / step.source)
    write_atomically(locate_copy(step, folder), executed.read_bytes())


def locate_copy(step: StepRecord, folder: Path) -> Path:
    """Return the path of a step's executed notebook in the folder of its run."""
    return folder / name_copy(step.notebook, step.environment)


def has_copy(step: StepRecord, folder: Path) -> bool:
    """Return whether the executed notebook of a step is in the folder of its run and is readable."""
    path = locate_copy(step, folder)
    try:
        return path.is_file() and read_scraps(path) is not None
    except IntegrityError:
        return False


def take_over(step: StepRecord, run: RunRecord, reason: str) -> StepRecord:
    """Return the record of a step from an earlier run, marked as reused. The id of the run is added to `reason`."""
    source = step.source or run.run_id
    report = step.report if step.source or not step.report else f"../{source}/{step.report}"
    return replace(step, state="reused", source=source, reason=f"{reason}{source}", seconds=0.0, report=report)


def _require_newest_inputs(only: str, step: Step, run: RunRecord, newest: Mapping[str, RunRecord | None]) -> None:
    for needed in step.needs:
        other, used = newest.get(needed), run.step(needed)
        if other is None or used is None:
            continue
        offered = other.step(needed)
        if offered and offered.results != used.results:
            raise UsageError(
                f"--only {only}: {needed} ran again in {other.run_id} after {step.name} used its results. "
                f"Run {step.name} again first."
            )
