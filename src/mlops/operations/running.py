"""Running a pipeline, and resuming a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import UsageError
from mlops.operations.data import DataRegistrar, choose_data
from mlops.operations.model_file import find_named_image
from mlops.operations.opening import OpenProject, require_ready
from mlops.operations.releasing import release_again
from mlops.operations.surroundings import surround_run
from mlops.parameters.overrides import Override, check_overrides
from mlops.pipelines import PIPELINES, ROLLBACK, find_data_step, find_release
from mlops.pipelines.step import Step
from mlops.platform.services import NO_PERMISSIONS, Permissions, Service
from mlops.record.ledger import RunRecord, list_runs, read_run
from mlops.record.reuse import require_step
from mlops.release.policy import explain_owner
from mlops.runner import Listener, Plan, resume_pipeline, run_pipeline


@dataclass(frozen=True)
class RunRequest:
    """A request to run a pipeline.

    Parameters
    ----------
    pipeline : str
        Its name.
    only : str
        The only step to run; empty for all.
    source : str
        The run whose results `only` builds on; empty for the newest ones of any run that is not a sweep.
    model_file : Path, optional
        The file that names the model to release in place of the champion.
    reason : str
        The reason for overruling the gate; empty to respect its decision.
    force : bool
        Whether to rerun unchanged steps, too, and to restart healthy services.
    allowed : Permissions
        Whether the run may replace services of another model, and deploy versions that were rolled back.
    run_id : str
        The run's name; empty to choose one.
    jobs : int
        How many notebooks may run in parallel; 0 for one per core.
    """

    pipeline: str
    only: str = ""
    source: str = ""
    model_file: Path | None = None
    reason: str = ""
    force: bool = False
    allowed: Permissions = NO_PERMISSIONS
    run_id: str = ""
    jobs: int = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the pipeline."""
        return PIPELINES[self.pipeline]

    @property
    def asked(self) -> tuple[Step, ...]:
        """The steps to run: all of them, or the one of `only`."""
        return tuple(step for step in self.steps if self.only in ("", step.name))


def start_run(
    opened: OpenProject,
    request: RunRequest,
    listeners: Sequence[Listener] = (),
    release_begins: Callable[[Service | None], None] | None = None,
) -> RunRecord:
    """Run a pipeline to its end.

    Parameters
    ----------
    opened : OpenProject
        The project, with the overrides for the run.
    request : RunRequest
        The pipeline, and how to run it.
    listeners : sequence of Listener
        Notified of the progress.
    release_begins : callable, optional
        Called before the release that follows if the model was rejected and production is not healthy; see
        `release_again`.

    Returns
    -------
    RunRecord
        The finished run. A failed step is recorded in it, not raised.

    Raises
    ------
    UsageError
        If the request cannot be run. Nothing has run.
    """
    if request.only:
        require_step(request.only, request.pipeline, [step.name for step in request.steps])
    elif request.source:
        raise UsageError(f"--from {request.source} is for --only, which builds on an earlier run. Add --only STEP.")
    check_overrides(opened.overrides, request.pipeline, request.steps, request.only)
    require_ready(opened.backend)
    opened = _give_request(opened, request)
    _require_owner(opened, request)
    _require_known_champion(opened, request)
    _require_reason(opened, request)
    data_step = find_data_step(request.asked)
    parameters = opened.parameters
    if data_step:
        parameters = choose_data(parameters, data_step, opened.backend.datasets)
    around = surround_run(opened, listeners, DataRegistrar(opened.backend.datasets))
    plan = Plan(
        request.pipeline, request.steps, parameters, request.only, request.force, request.jobs, source=request.source
    )
    record = run_pipeline(plan, around, request.run_id)
    if record.outcome == "rejected" and find_release(request.steps) and not request.only:
        return release_again(record, parameters, around, opened.backend, release_begins)
    return record


def _give_request(opened: OpenProject, request: RunRequest) -> OpenProject:
    """Return the project with the overrides of a request. Overrides that a user typed win over `force`."""
    forced: list[Override] = []
    named: list[Override] = []
    if request.force:
        steps = [step for step in opened.project.steps if step.deploys.force]
        forced = [Override(step.notebook_name, step.deploys.force, True, "--force") for step in steps]
    if request.model_file:
        step = _find_deployment(request, "--model-file")
        digest = find_named_image(request.model_file, opened.backend).digest
        named = [Override(step.name, step.deploys.image, digest, f"--model-file {request.model_file}")]
    if request.allowed.take_over:
        step = _find_deployment(request, "--take-over")
        named.append(Override(step.notebook_name, step.deploys.take_over, True, "--take-over"))
    if request.allowed.redeploy:
        step = _find_deployment(request, "--redeploy-rolled-back")
        named.append(Override(step.notebook_name, step.deploys.redeploy, True, "--redeploy-rolled-back"))
    if request.reason:
        overruled = [(step.name, step.decides.override_reason) for step in request.asked if step.decides.overruled_by]
        named += [Override(name, parameter, request.reason, "--reason") for name, parameter in overruled]
    return opened.override(*forced, *opened.overrides, *named) if forced or named else opened


def _require_reason(opened: OpenProject, request: RunRequest) -> None:
    """Refuse to overrule the gate without a reason, and a reason without overruling it."""
    overruled = False
    for step in request.asked:
        if not step.decides.overruled_by:
            continue
        names = (step.decides.overruled_by, step.decides.override_reason)
        overrules, why = (opened.parameters.values[step.name].get(name) for name in names)
        if overrules and not str(why or "").strip():
            raise UsageError(
                f"{step.name}.{step.decides.overruled_by} promotes a model that the gate rejects. Add --reason TEXT."
            )
        overruled = overruled or bool(overrules)
    if request.reason and not overruled:
        gates = (f"{step.name}.{step.decides.overruled_by}" for step in request.steps if step.decides.overruled_by)
        add = "".join(f", or add -p {gate}=true" for gate in gates)
        raise UsageError(f"--reason is for promoting a rejected model, but the gate is not overruled. Remove it{add}.")


def _find_deployment(request: RunRequest, option: str) -> Step:
    """Return the first step of a pipeline that takes an image."""
    found = next((step for step in request.asked if step.deploys.image), None)
    if found is None:
        runs = f"step {request.only}" if request.only else f"pipeline {request.pipeline}"
        raise UsageError(f"{option}: The {runs} deploys nothing. Use it with `mlops run release`.")
    return found


def _require_owner(opened: OpenProject, request: RunRequest) -> None:
    """Refuse a run that would deploy in an environment of another model, before it trains anything."""
    values = opened.parameters.values
    steps = [step for step in request.asked if step.deploys.digest]
    if any(values[step.name].get(step.deploys.image) for step in steps):
        return  # the deployment checks the model of the named image
    for step in steps:
        if values[step.name].get(step.deploys.take_over):
            continue
        owner = opened.backend.services.find_owner(step.environment)
        if owner not in ("", opened.model_name):
            raise UsageError(explain_owner(step.environment, owner, opened.model_name))


def _require_known_champion(opened: OpenProject, request: RunRequest) -> None:
    """Refuse a run that needs the champion if the champion is unknown, before the run trains anything.

    Raises
    ------
    IntegrityError
        If the registry cannot tell which version is the champion.
    """
    values = opened.parameters.values
    if any(
        step.watches or (step.deploys.image and not values[step.name].get(step.deploys.image)) for step in request.asked
    ):
        opened.backend.registry.find_champion(opened.model_name)


def find_run(outputs: Path, run_id: str = "") -> RunRecord:
    """Return the run to resume: the named one, or the newest one if it did not succeed.

    Raises
    ------
    UsageError
        If there is none.
    """
    if run_id:
        if Path(run_id).name != run_id or not (outputs / run_id / "run.json").is_file():
            raise UsageError(f"There is no run {run_id} in {outputs}. `mlops status` lists the runs.")
        return read_run(outputs / run_id)
    newest = next((run for run in list_runs(outputs) if run.pipeline != ROLLBACK), None)
    if newest is None:
        raise UsageError("There is nothing to resume, because there is no run yet.")
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
    """Resume a run that did not finish, with its original parameters.

    Parameters
    ----------
    opened : OpenProject
        The project on the platform of the run.
    record : RunRecord
        The run, from `find_run`.
    jobs : int
        See `RunRequest`.
    listeners : sequence of Listener
        Called with the progress.

    Raises
    ------
    UsageError
        If it is still running, or succeeded.
    """
    require_ready(opened.backend)
    around = surround_run(opened, listeners, DataRegistrar(opened.backend.datasets))
    return resume_pipeline(record, PIPELINES.get(record.pipeline, ()), around, jobs)
