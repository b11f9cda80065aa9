"""A request to run a pipeline, and the checks of the request before the first step runs."""

from dataclasses import dataclass
from pathlib import Path

from mlops.cluster.connection import OPTION, require_address
from mlops.errors import NotFoundError, ProblemError, UsageError
from mlops.operations.model_file import find_named_image
from mlops.operations.opening import OpenProject, check_steps, require_comparable_champion
from mlops.operations.status import describe_misfit
from mlops.parameters.overrides import Override, check_overrides
from mlops.pipelines import PIPELINES, list_packing
from mlops.pipelines.step import Step
from mlops.platform.models import ModelVersion
from mlops.platform.services import NO_PERMISSIONS, Permissions
from mlops.record.ledger import StepRecord
from mlops.record.reuse import find_only, require_step
from mlops.release.choice import choose_image, choose_model
from mlops.release.refusals import explain_owner
from mlops.runner.requirements import require_files, require_new


@dataclass(frozen=True)
class RunRequest:
    """A request to run a pipeline.

    Parameters
    ----------
    pipeline : str
        The name of the pipeline.
    only : str
        The only step to run. Empty for all steps.
    source : str
        The run whose results the step `only` uses. Empty for the newest results of all runs except sweeps.
    model_file : Path, optional
        The file that names the model to release instead of the champion.
    reason : str
        The reason for overruling the promotion gate. Empty if the gate is not overruled.
    force : bool
        Whether to run unchanged steps again, and to restart healthy services.
    allowed : Permissions
        Whether the run is allowed to replace services of another model, and to deploy versions that were rolled back.
    run_id : str
        The name of the run. If it is empty, a name is generated.
    jobs : int
        The number of notebooks that can run in parallel. 0 means one per core.
    scheduler : str
        The address of the Dask scheduler whose workers read the data file for its test; empty for this machine.
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
    scheduler: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the pipeline."""
        return PIPELINES[self.pipeline]

    @property
    def asked(self) -> tuple[Step, ...]:
        """The steps that run: all steps of the pipeline, or the one in `only`."""
        return tuple(step for step in self.steps if self.only in ("", step.name))


def check_request(opened: OpenProject, request: RunRequest) -> None:
    """Raise an error if the options of a request are wrong, without contacting the platform.

    Raises
    ------
    UsageError
        If an option does not fit the pipeline or another option, if the name of the run is taken, or if a file does not
        exist.
    """
    if request.only:
        require_step(request.only, request.pipeline, [step.name for step in request.steps])
    elif request.source:
        raise UsageError(f"--from {request.source} is valid only with --only. Add --only STEP.")
    deploys = any(step.deploys.image for step in request.steps)  # so the run may have to create an image first
    steps = tuple(dict.fromkeys((*request.steps, *(list_packing() if deploys and not request.only else ()))))
    check_overrides(opened.overrides, request.pipeline, steps, request.only, opened.command_options)
    options = {
        "--model-file": request.model_file,
        "--take-over": request.allowed.take_over,
        "--redeploy-rolled-back": request.allowed.redeploy,
    }
    for option in (option for option, given in options.items() if given):
        _find_first_deployment(opened, request, option)
    _check_scheduler(opened, request)
    if request.run_id:
        require_new(request.run_id, opened.workspace.outputs)
    require_files(request.asked, opened.parameters.values)
    check_steps(opened, request.asked)


def give_request(opened: OpenProject, request: RunRequest) -> OpenProject:
    """Return the project with the parameters that the options of a request set, such as `--force`.

    If the user has set one of these parameters, the user's value is kept.
    """
    forced: list[Override] = []
    named: list[Override] = []
    if request.force:
        steps = [step for step in opened.project.steps if step.deploys.force]
        forced = [Override(step.notebook_name, step.deploys.force, True, "--force") for step in steps]
    if request.model_file:
        step = _find_first_deployment(opened, request, "--model-file")
        digest = find_named_image(request.model_file, opened.backend).digest
        named = [Override(step.name, step.deploys.image, digest, f"--model-file {request.model_file}")]
    if request.allowed.take_over:
        step = _find_first_deployment(opened, request, "--take-over")
        named.append(Override(step.notebook_name, step.deploys.take_over, True, "--take-over"))
    if request.allowed.redeploy:
        step = _find_first_deployment(opened, request, "--redeploy-rolled-back")
        named.append(Override(step.notebook_name, step.deploys.redeploy, True, "--redeploy-rolled-back"))
    if request.scheduler:
        named += [Override(*place, request.scheduler, OPTION) for place in _list_scheduler_parameters(request)]
    if request.reason:
        overruled = [(step.name, step.decides.override_reason) for step in request.asked if step.decides.overruled_by]
        named += [Override(name, parameter, request.reason, "--reason") for name, parameter in overruled]
    return opened.override(*forced, *opened.overrides, *named) if forced or named else opened


def _find_first_deployment(opened: OpenProject, request: RunRequest, option: str) -> Step:
    found = next((step for step in request.asked if step.deploys.image), None)
    if found is None:
        asked = _name_asked(request)
        raise UsageError(
            f"{option}: The {asked} does not deploy anything. "
            f"Use the option with `mlops run release{opened.command_options}`."
        )
    return found


def _check_scheduler(opened: OpenProject, request: RunRequest) -> None:
    found = _list_scheduler_parameters(request)
    if request.scheduler and not found:
        raise UsageError(
            f"{OPTION}: The {_name_asked(request)} does not test a data file. "
            f"Use the option with `mlops run build{opened.command_options}`."
        )
    for step, name in found:
        address, source = request.scheduler, OPTION
        if not address:
            address, source = str(opened.parameters.values[step].get(name) or ""), f"{step}.{name}"
        if address:
            require_address(address, source)


def _list_scheduler_parameters(request: RunRequest) -> list[tuple[str, str]]:
    return [(step.name, step.takes_scheduler) for step in request.asked if step.takes_scheduler]


def _name_asked(request: RunRequest) -> str:
    return f"step {request.only}" if request.only else f"pipeline {request.pipeline}"


def require_possible(opened: OpenProject, request: RunRequest) -> None:
    """Raise an error if a run is certain to fail. Call this before the first step.

    Raises
    ------
    UsageError
        If the run would deploy in an environment that serves another model, if it needs an image or a model that does
        not exist, if it tests a service that was stopped, or if it overrules the promotion gate without a reason.
    ProblemError
        If the run would compare or deploy a model that was trained for another problem, or on other columns; see
        `explain_misfit`.
    IntegrityError
        If the run needs the champion, but the registry is damaged, so that the champion is unknown.
    """
    _require_same_model(opened, request)
    require_comparable_champion(opened, request.asked)
    _require_reason(opened, request)
    _require_not_stopped(opened, request)
    _require_testable_image(opened, request)
    _require_packable_model(opened, request)
    _require_own_training(opened, request)


def _require_same_model(opened: OpenProject, request: RunRequest) -> None:
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


def _require_not_stopped(opened: OpenProject, request: RunRequest) -> None:
    tested = [step.environment for step in request.asked if step.checks and request.only]
    if not tested:
        return
    # A service that never passed a test may have crashed. It is tested, so that the previous service is restored.
    for service in opened.backend.services.list_services():
        if service.environment in tested and service.health == "stopped" and service.tested == "passed":
            raise UsageError(
                f"{service.environment} is {service.condition}, so {request.only} has nothing to test. "
                f"`mlops run release{opened.command_options}` deploys and tests the champion."
            )


def _require_testable_image(opened: OpenProject, request: RunRequest) -> None:
    names = {step.name for step in request.steps}
    for step in (step for step in request.asked if step.deploys.image):
        digest = str(opened.parameters.values[step.name].get(step.deploys.image) or "")
        if not digest and any(need in names for need in step.needs):
            continue  # the step deploys the image of an earlier step
        try:
            if digest or request.only:
                image = choose_image(opened.backend, opened.model_name, digest)
                version = opened.backend.registry.get_version(image.model_name, image.model_version)
            else:  # if the champion has no image, the run creates one
                version = choose_model(opened.backend, opened.model_name)
        except NotFoundError as error:
            named = f"{step.name}.{step.deploys.image}: " if digest else ""
            raise UsageError(f"{named}{error}") from error
        _require_model_fits(opened, version)


def _require_packable_model(opened: OpenProject, request: RunRequest) -> None:
    if not any(step.packs and request.only for step in request.asked):
        return
    models = {step.name: step.names_model for step in request.steps}
    for found in _find_only(opened, request):
        model = models[found.name]
        if model and model.version in found.results:
            name, number = str(found.results[model.name]), int(str(found.results[model.version]))
            try:
                version = opened.backend.registry.get_version(name, number)
            except NotFoundError as error:
                raise UsageError(str(error)) from error
            _require_model_fits(opened, version)


def _require_own_training(opened: OpenProject, request: RunRequest) -> None:
    # The records of older versions name no problem.
    trains = {step.name for step in request.steps if step.trains}
    if not any(trains & set(step.needs) for step in request.asked) or not request.only:
        return
    problem = opened.problem
    for found in (found for found in _find_only(opened, request) if found.name in trains):
        declared = (*problem.hyperparameters, *(metric.name for metric in problem.metrics))
        lacking = [name for name in declared if name not in found.results]
        if lacking:
            raise UsageError(
                f"--only {request.only}: {found.name} of run {found.source} has no result {lacking[0]!r}, so it does "
                f"not fit the problem {problem.name!r} as it is declared now. Use `mlops run {request.pipeline}"
                f"{opened.command_options}`, which trains a new model."
            )


def _find_only(opened: OpenProject, request: RunRequest) -> list[StepRecord]:
    return find_only(
        request.only,
        request.pipeline,
        request.steps,
        opened.workspace.outputs,
        request.source,
        options=opened.command_options,
        problem=opened.project.base.problem,
    )


def _require_model_fits(opened: OpenProject, version: ModelVersion) -> None:
    if said := describe_misfit(opened, version):
        raise ProblemError(said)


def _require_reason(opened: OpenProject, request: RunRequest) -> None:
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
        raise UsageError(
            f"--reason is for promoting a rejected model, but the gate is not overruled. Remove --reason{add}."
        )
