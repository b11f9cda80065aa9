"""Running a pipeline, and resuming a run."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mlops.errors import MlopsError, UsageError
from mlops.operations.data import DataRegistrar, choose_data
from mlops.operations.opening import OpenProject, check_steps
from mlops.operations.preconditions import require_possible, require_ready
from mlops.operations.releasing import Remaining, release_again
from mlops.operations.request import RunRequest, check_request, give_request
from mlops.operations.status import find_renewal
from mlops.operations.surroundings import surround_run
from mlops.pipelines import PIPELINES, ROLLBACK, find_data_step, find_release, list_packing
from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord, list_runs, read_run
from mlops.record.reuse import require_problem
from mlops.release.choice import choose_image
from mlops.runner import Listener, Plan, resume_pipeline, run_pipeline


def start_run(
    opened: OpenProject,
    request: RunRequest,
    listeners: Sequence[Listener] = (),
    release_begins: Callable[[Remaining], None] | None = None,
    image_begins: Callable[[str], None] | None = None,
    warned: Callable[[str], None] | None = None,
) -> RunRecord:
    """Run a pipeline to its end.

    A release first creates an image of the champion if there is none, or if the sources of the image have changed.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform, with the overrides for the run.
    request : RunRequest
        The pipeline and its options.
    listeners : sequence of Listener
        Notified of the progress.
    release_begins : callable, optional
        Called before the run releases production's last image again. The argument is the last service of production.
    image_begins : callable, optional
        Called before the run creates a new image of the champion. The argument is the reason for the new image.
    warned : callable, optional
        Called with the warning of `find_warning`, if there is one, before the first step.

    Returns
    -------
    RunRecord
        The record of the finished run. If a step fails, no error is raised: the record contains the failure.

    Raises
    ------
    UsageError
        If the request cannot be run. No step has run then.
    """
    check_request(opened, request)
    require_ready(opened.backend)
    opened = give_request(opened, request)
    require_possible(opened, request)
    if warned and (warning := find_warning(opened, request)):
        warned(warning)
    data_step = find_data_step(request.asked)
    parameters = opened.parameters
    if data_step:
        parameters = choose_data(opened, parameters, data_step)
    around = surround_run(opened, listeners, DataRegistrar(opened.backend.datasets))

    def add_packing(steps: Sequence[Step]) -> Sequence[Step]:
        renewal = find_renewal(opened, steps)
        if not renewal:
            return steps
        check_steps(opened, list_packing())
        if image_begins:
            image_begins(renewal)
        return (*list_packing(), *steps)

    steps = request.steps if request.only else add_packing(request.steps)
    plan = Plan(request.pipeline, steps, parameters, request.only, request.force, request.jobs, source=request.source)
    record = run_pipeline(plan, around, request.run_id)
    if record.outcome == "rejected" and find_release(request.steps) and not request.only:
        return release_again(record, parameters, around, opened.backend, release_begins, add_packing)
    return record


def find_warning(opened: OpenProject, request: RunRequest) -> str:
    """Return a warning if a run would deploy the champion's image although it is outdated or failed its last test.

    Return "" if there is nothing to warn of.
    """
    first = next((step for step in request.steps if step.deploys.image), None)
    if first is None or first not in request.asked or any(step.packs for step in request.asked):
        return ""
    if opened.parameters.values[first.name].get(first.deploys.image):  # a person has named the image
        return ""
    with suppress(MlopsError, OSError):  # the run reports the reason
        if outdated := find_renewal(opened, request.asked):
            return f"Warning: {outdated} {_advise_renewal(opened, request.only)}" if request.only else ""
        return _warn_of_failed_test(opened)
    return ""


def _advise_renewal(opened: OpenProject, only: str) -> str:
    return (
        f"{only} deploys this image anyway. To create a new image first, use `mlops run release"
        f"{opened.command_options}`."
    )


def _warn_of_failed_test(opened: OpenProject) -> str:
    image = choose_image(opened.backend, opened.model_name)
    services = opened.backend.services.list_services()
    failed_in = [at.environment for at in services if any(test.digest == image.digest for test in at.failed)]
    if not failed_in:
        return ""
    return (
        f"Warning: {image.model} failed its last test in {' and '.join(failed_in)}, and its image is unchanged, so the "
        "same image is deployed and tested again. To get a new image, first change the scoring script or its lock."
    )


def find_run(outputs: Path, run_id: str = "") -> RunRecord:
    """Return the record of the run to resume: the run `run_id` or, if this is empty, the newest run.

    Raises
    ------
    UsageError
        If the run does not exist, or if `run_id` is empty and the newest run succeeded or cannot be read.
    """
    if run_id:
        if Path(run_id).name != run_id or not (outputs / run_id / "run.json").is_file():
            raise UsageError(f"There is no run {run_id} in {outputs}. `mlops status` lists the runs.")
        return read_run(outputs / run_id)
    newest = next((run for run in list_runs(outputs) if run.pipeline != ROLLBACK), None)
    if newest is None:
        raise UsageError(f"{outputs} has no run, so there is nothing to resume. Start one with `mlops run all`.")
    if newest.state == "unreadable":
        raise UsageError(
            f"The newest run, {newest.run_id}, cannot be resumed: {newest.error} "
            "Resume another run with `mlops resume RUN`."
        )
    if newest.state == "succeeded":
        raise UsageError(
            f"The newest run, {newest.run_id}, succeeded, so there is nothing to resume. `mlops status` lists the runs."
        )
    return newest


def resume_run(opened: OpenProject, record: RunRecord, jobs: int = 0, listeners: Sequence[Listener] = ()) -> RunRecord:
    """Resume an unfinished run with its original parameters, and return its new record.

    Parameters
    ----------
    opened : OpenProject
        The project on the platform of the run.
    record : RunRecord
        The record of the run.
    jobs : int
        The number of notebooks that can run in parallel. 0 means one per core.
    listeners : sequence of Listener
        Notified of the progress.

    Raises
    ------
    UsageError
        If the run is in progress, if it has succeeded, or if it was made for another problem.
    ProblemError
        If a notebook or a file of the image does not fit the problem; see `check_steps`.
    """
    steps = PIPELINES.get(record.pipeline, ())
    steps = (*(step for step in list_packing() if record.step(step.name) and step not in steps), *steps)
    again = f"Set `problem: {record.settings.problem}` there to resume the run, or start a new one."
    require_problem(record, opened.project.base.problem, f"Run {record.run_id}", again)
    only, opened = record.settings.only, opened.reopen(record)
    check_steps(opened, (step for step in steps if only in ("", step.name) and not record.has_results(step.name)))
    require_ready(opened.backend)
    around = surround_run(opened, listeners, DataRegistrar(opened.backend.datasets))
    return resume_pipeline(record, steps, around, jobs)
