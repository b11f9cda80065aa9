"""How a project stands: its champion, its services, its last runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.errors import IntegrityError
from mlops.operations.opening import OpenProject
from mlops.platform.models import ModelVersion
from mlops.platform.services import Rollback, Service
from mlops.record.ledger import RunRecord, list_runs
from mlops.release.standing import Standing, find_standing


@dataclass(frozen=True)
class Status:
    """The champion, if there is one yet, what each environment serves, and runs and rollbacks, newest first.

    `problems` says what of the platform cannot be read. `command_options` is what a command needs to reach the
    platform: " --platform azure", or nothing.
    """

    champion: ModelVersion | None = None
    services: Sequence[Service] = ()
    runs: Sequence[RunRecord] = ()
    problems: Sequence[str] = ()
    rollbacks: Sequence[Rollback] = ()
    command_options: str = ""

    @property
    def standings(self) -> list[Standing]:
        """Each environment beside the champion."""
        return [
            find_standing(service, self.champion, self.rollbacks, self.command_options) for service in self.services
        ]


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
    return Status(champion, services, runs, tuple(problems), rollbacks, opened.command_options)
