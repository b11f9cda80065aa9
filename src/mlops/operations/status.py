"""The status of a project: its champion, its services, its last runs."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from mlops.errors import IntegrityError, NotFoundError
from mlops.operations.opening import OpenProject
from mlops.platform.models import ModelVersion, Registry
from mlops.platform.services import Rollback, Service
from mlops.record.ledger import RunRecord, list_runs
from mlops.release.standing import Standing, find_standing


@dataclass(frozen=True)
class Status:
    """The champion, if there is one yet, what each environment serves, and runs and rollbacks, newest first.

    `problems` says what of the platform cannot be read. `command_options` is what a command needs to reach the
    platform: " --platform azure", or nothing. `overrides` says, by image, who promoted its model over the gate and why.
    """

    champion: ModelVersion | None = None
    services: Sequence[Service] = ()
    runs: Sequence[RunRecord] = ()
    problems: Sequence[str] = ()
    rollbacks: Sequence[Rollback] = ()
    command_options: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def standings(self) -> list[Standing]:
        """Each environment beside the champion."""
        found = [
            find_standing(service, self.champion, self.rollbacks, self.command_options) for service in self.services
        ]
        return [replace(standing, override=self.overrides.get(standing.service.image, "")) for standing in found]


def read_status(opened: OpenProject, most: int = 0) -> Status:
    """Ask the platform for the champion and the services, and read the last runs.

    Parameters
    ----------
    opened : OpenProject
        The project on its platform.
    most : int
        How many runs.

    Raises
    ------
    PlatformError
        If the platform cannot be asked.
    """
    champion, problems = None, list[str]()
    try:
        champion = opened.backend.registry.find_champion(opened.model_name)
    except IntegrityError as error:  # what is damaged hides nothing else
        problems.append(str(error))
    services = opened.backend.services.list_services()
    problems += [service.problem for service in services if service.problem]
    rollbacks = opened.backend.services.list_rollbacks()
    runs = list_runs(opened.workspace.outputs)[:most] if most else ()
    overrides = _find_overrides(opened.backend.registry, services)
    return Status(champion, services, runs, tuple(problems), rollbacks, opened.command_options, overrides)


def _find_overrides(registry: Registry, services: Iterable[Service]) -> dict[str, str]:
    """Return, by image, who promoted its model over the gate; a version that cannot be read has no mark."""
    found: dict[str, str] = {}
    for service in services:
        with suppress(NotFoundError, IntegrityError):
            if not service.problem:
                found[service.image] = registry.get_version(service.model_name, service.model_version).override
    return found
