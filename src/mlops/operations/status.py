"""The status of a project: its champion, its services, its last runs."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mlops.errors import IntegrityError, MlopsError, NotFoundError, ProblemError
from mlops.model.schema import explain_misfit
from mlops.operations.opening import OpenProject, find_image_sources
from mlops.pipelines import PIPELINES, PUBLISHED, SERVING_AGAIN, list_packing
from mlops.pipelines.advice import OVERRULE
from mlops.pipelines.step import Step
from mlops.platform.models import ModelVersion, Registry, name_version
from mlops.platform.services import Service
from mlops.portal.environments import format_time
from mlops.record.ledger import RunRecord, list_runs
from mlops.release.choice import explain_outdated
from mlops.release.next_release import ReleaseState
from mlops.release.standing import Standing, find_standings


@dataclass(frozen=True)
class Status(ReleaseState):
    """The champion, services, rollbacks and last runs of a project.

    The newest run is first in `runs`. `problems` has a text for each part of the platform that cannot be read.
    `versions` has the model version that each environment serves, by the name of the environment. If the version is
    unknown, `unread` has the reason instead. `outdated` says why the champion needs a new image; it is empty if the
    image is up to date. If the problem has changed so that the champion no longer fits it, `misfit` says why and what
    to do, and `outdated` is empty.
    """

    runs: Sequence[RunRecord] = ()
    problems: Sequence[str] = ()
    versions: Mapping[str, ModelVersion] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    outdated: str = ""
    misfit: str = ""

    @property
    def champion_title(self) -> str:
        """The name of the champion: "churn version 3", "none yet", or "unknown" if it cannot be read."""
        if self.champion:
            return self.champion.full_title
        return "unknown" if self.champion_problem else "none yet"

    def name_model(self, service: Service) -> str:
        """Return a service's model version, with the reason for an override unless `champion_title` gives it."""
        told = self.champion.override if self.champion else ""
        return service.model if service.override == told else service.full_model

    def find_redeployment(self, standing: Standing) -> str:
        """Return a phrase that says when and why the served model version was rolled back before it was deployed again.

        Return "" if that version was never rolled back in this environment, or if a rollback restored it.
        """
        service = standing.service
        found = [old for old in self.rollbacks if old.environment == service.environment and old.removed(service)]
        if standing.restored_by or not found:
            return ""
        made = found[0].decision
        by, at = f" by {made.by}" if made.by else "", format_time(found[0].at)
        return f"although it was rolled back on {at}{by} ({made.reason or 'no reason was given'})"

    @property
    def standings(self) -> list[Standing]:
        """The service of each environment, with its problems, and whether it serves the champion."""
        return find_standings(self)


def read_status(opened: OpenProject, most: int = 0) -> Status:
    """Return the status of a project, read from the platform and from the records of the last runs.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    most : int
        The maximum number of runs in the status.

    Raises
    ------
    PlatformError
        If the platform does not answer.
    """
    champion, problem = None, ""
    try:
        champion = opened.backend.registry.find_champion(opened.model_name)
    except (IntegrityError, ProblemError) as error:  # the rest of the status is still shown
        problem = str(error)
    services = opened.backend.services.list_services()
    problems = tuple(filter(None, [problem, *(service.problem for service in services)]))
    rollbacks = opened.backend.services.list_rollbacks()
    outdated = _explain_outdated_image(opened, champion) if champion else ""
    misfit = _explain_misfit(opened, champion) if champion and outdated else ""
    names_image = any(found.digest for found in rollbacks)
    runs = list_runs(opened.workspace.outputs)[:most] if most else ()
    versions, unread = _find_served(opened.backend.registry, services)
    return Status(
        champion,
        services,
        rollbacks,
        opened.command_options,
        problem,
        runs=runs,
        problems=problems,
        versions=versions,
        unread=unread,
        outdated="" if misfit else outdated,
        misfit=misfit,
        champion_image=_find_digest(opened, champion) if champion and names_image and not outdated else "",
    )


def find_renewal(opened: OpenProject, steps: Sequence[Step], champion: ModelVersion | None = None) -> str:
    """Return why a release must first create a new image of the champion; "" if no new image is needed.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    steps : sequence of Step
        The steps of the release.
    champion : ModelVersion, optional
        The champion. By default, it is read from the registry.

    Raises
    ------
    ProblemError
        If a file of the image does not exist.
    """
    values, packing = opened.parameters.values, next(iter(list_packing()), None)
    first = next((step for step in steps if step.deploys.image), None)
    if first is None or packing is None or packing in steps:
        return ""
    if values[first.name].get(first.deploys.image):  # the image that the user names is deployed as it is
        return ""
    champion = champion or opened.backend.registry.find_champion(opened.model_name)
    if champion is None:
        return ""
    return explain_outdated(opened.backend, champion, find_image_sources(opened, packing))


def _explain_outdated_image(opened: OpenProject, champion: ModelVersion) -> str:
    with suppress(MlopsError, OSError):  # a release reports the reason
        return find_renewal(opened, PIPELINES[SERVING_AGAIN], champion)
    return ""


def describe_misfit(opened: OpenProject, version: ModelVersion) -> str:
    """Return why a model version does not fit the current problem, and what to do; "" if the version fits.

    Raises
    ------
    IntegrityError
        If the files of the version have changed.
    """
    why = explain_misfit(opened.backend.registry, opened.problem, version)
    return why and (
        f"{version.title} {why}, so it cannot be tested. To promote a model that fits, run "
        f"`mlops run {PUBLISHED} {OVERRULE}{opened.command_options}`."
    )


def _explain_misfit(opened: OpenProject, champion: ModelVersion) -> str:
    with suppress(MlopsError, OSError):  # a release reports the reason
        return describe_misfit(opened, champion)
    return ""


def _find_digest(opened: OpenProject, champion: ModelVersion) -> str:
    with suppress(MlopsError, OSError):  # a release reports the reason
        image = opened.backend.images.find_image(champion)
        return image.digest if image else ""
    return ""


def _find_served(registry: Registry, services: Iterable[Service]) -> tuple[dict[str, ModelVersion], dict[str, str]]:
    found, unread = dict[str, ModelVersion](), dict[str, str]()
    for service in services:
        if service.problem:
            continue
        try:
            version = registry.get_version(service.model_name, service.model_version)
        except NotFoundError:
            unread[service.environment] = (
                f"The prediction error is unknown, because the registry no longer has {service.model}."
            )
            continue
        except IntegrityError as error:
            unread[service.environment] = str(error)
            continue
        if service.serves(version):
            found[service.environment] = version
        else:
            other = f"a different model as {name_version(version.name, version.version)}"
            unread[service.environment] = f"The prediction error is unknown, because the registry now holds {other}."
    return found, unread
