"""The checks before the first step of a run: is the platform ready, and can the run succeed?"""

from collections.abc import Sequence

from mlops.errors import NotFoundError, ProblemError, UsageError
from mlops.model.schema import REPLACE, explain_misfit
from mlops.operations.opening import OpenProject
from mlops.operations.request import RunRequest
from mlops.operations.status import describe_misfit
from mlops.pipelines.step import Step
from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.record.ledger import StepRecord
from mlops.record.reuse import find_only
from mlops.release.choice import choose_image, choose_model
from mlops.release.refusals import explain_owner


def require_ready(backend: Backend) -> None:
    """Raise an error if the platform is not ready for a run."""
    if backend.infrastructure:
        backend.infrastructure.require_ready()


def require_possible(opened: OpenProject, request: RunRequest) -> None:
    """Raise an error if a run is certain to fail. Call this before the first step.

    Raises
    ------
    UsageError
        If the run would deploy in an environment that serves another model, if it needs an image or a model that does
        not exist, if it tests a service that was stopped, if it overrules the promotion gate without a reason, or if
        it would deploy a service with wrong settings for the collection.
    SecretNotFoundError
        If it would deploy a service whose columns are hashed, but the key for this is not set.
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
    _require_collection(opened, request)


def require_comparable_champion(opened: OpenProject, steps: Sequence[Step], advice: str = REPLACE) -> None:
    """Raise an error if `steps` would compare a model with a champion trained for another problem or on other columns.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    steps : sequence of Step
        The steps to run.
    advice : str
        Advice for the error message: sentences that say what to do.

    Raises
    ------
    ProblemError
        If the champion cannot be compared.
    IntegrityError
        If the steps need the champion, but the registry is damaged.
    """
    values = opened.parameters.values
    if not any(
        step.watches or (step.deploys.image and not values[step.name].get(step.deploys.image)) for step in steps
    ):
        return
    registry = opened.backend.registry
    champion = registry.find_champion(opened.model_name)
    compared = [step for step in steps if step.watches]
    if champion and any(not values[step.name].get(step.decides.overruled_by) for step in compared):
        why = explain_misfit(registry, opened.problem, champion)
        if why:
            raise ProblemError(f"The champion, {champion.title}, {why}. {advice}")


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


def _require_collection(opened: OpenProject, request: RunRequest) -> None:
    collections = opened.backend.collections
    for step in request.asked:
        if collections and step.deploys.digest:
            collections.require_ready(step.environment)


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
            continue  # the step deploys the image that an earlier step of this run creates
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
