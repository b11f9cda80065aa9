"""Two tasks after a run: release production's last image again if production is not healthy; find the next release."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mlops.errors import MlopsError, ModelNotFoundError
from mlops.operations.opening import OpenProject
from mlops.parameters.merging import Parameters
from mlops.pipelines import ALL_STEPS, PIPELINES, SERVING_AGAIN, find_release
from mlops.pipelines.step import Step
from mlops.platform.backend import Backend
from mlops.platform.services import Service
from mlops.record.ledger import RunRecord
from mlops.record.summary import find_model_name, find_model_version
from mlops.release.next_release import NextRelease, ReleaseState, describe_release
from mlops.runner import Plan, Surroundings, run_pipeline


@dataclass(frozen=True)
class Remaining:
    """The last service of production, whose image can be released again.

    Parameters
    ----------
    service : Service or None
        The service of production, which is not healthy. None if production never had a service.
    is_registered : bool
        Whether the registry still has the model version of the service.
    """

    service: Service | None = None
    is_registered: bool = True


def release_again(
    record: RunRecord,
    parameters: Parameters,
    around: Surroundings,
    backend: Backend,
    release_begins: Callable[[Remaining], None] | None = None,
    add_packing: Callable[[Sequence[Step]], Sequence[Step]] = lambda steps: steps,
) -> RunRecord:
    """Release production's last image again, if production is not healthy.

    If production never had a service, or if the model of its last image was deleted, the champion is released instead.

    Parameters
    ----------
    record : RunRecord
        The run whose promotion gate rejected the new model.
    parameters : Parameters
        The parameters of the run.
    around : Surroundings
        The project, the listeners, and the platform functions that the release calls.
    backend : Backend
        The platform.
    release_begins : callable, optional
        Called before the release starts, with the last service of production.
    add_packing : callable, optional
        Takes the steps of a release of the champion, and returns the steps to run. If the champion needs a new image,
        the returned steps begin with the step that creates it.

    Returns
    -------
    RunRecord
        The record of the release if the release did not succeed; otherwise `record`.
    """
    steps: Sequence[Step] = PIPELINES[SERVING_AGAIN]
    last = find_release(steps)
    production = _find_service(backend, last.environment) if last else None
    if production and production.tested == "failed" and production.health != "stopped":
        # The test was killed after it had recorded the failure. The previous service must still be restored.
        production = backend.services.record_test(production.environment, production.digest, passed=False).serving
    if production and production.health == "healthy":
        return record
    remaining = Remaining(production, production is None or _is_registered(backend, production))
    if release_begins:
        release_begins(remaining)
    values = {**parameters.values}
    if production and remaining.is_registered:
        values |= {
            step.name: {**values[step.name], step.deploys.image: production.digest}
            for step in steps
            if step.deploys.image
        }
    else:
        steps = add_packing(steps)
    released = run_pipeline(Plan(SERVING_AGAIN, steps, replace(parameters, values=values)), around)
    return record if released.state == "succeeded" else released


def find_release_after(opened: OpenProject, run: RunRecord, status: ReleaseState) -> NextRelease | None:
    """Return the release that would deploy the model of a run: the model that the run registered, packed or deployed.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    run : RunRecord
        A finished run.
    status : ReleaseState
        The status of the project after the run.

    Returns
    -------
    NextRelease or None
        The release. None if the run has no model, or if the model's version or the images cannot be read.
    """
    name, number = find_model_name(run), find_model_version(run)
    if not isinstance(number, int):
        return None
    packing = next((step for step in ALL_STEPS if step.packs and run.step(step.name)), None)
    digest = str(run.get_step(packing.name).results.get(packing.packs.digest, "")) if packing and packing.packs else ""
    try:
        version = opened.backend.registry.get_version(str(name), number)
        chosen = opened.backend.images.find_image(status.champion) if status.champion else None
    except MlopsError:
        return None
    named = "" if chosen and chosen.digest == digest else digest
    return describe_release(status, version, named)


def _find_service(backend: Backend, environment: str) -> Service | None:
    return next((found for found in backend.services.list_services() if found.environment == environment), None)


def _is_registered(backend: Backend, service: Service) -> bool:
    try:
        return service.serves(backend.registry.get_version(service.model_name, service.model_version))
    except ModelNotFoundError:
        return False
