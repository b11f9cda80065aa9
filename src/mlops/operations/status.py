"""How a project stands: its champion, its services, its last runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.errors import IntegrityError
from mlops.operations.opening import OpenProject
from mlops.platform.models import ModelVersion
from mlops.platform.services import Service
from mlops.record.ledger import RunRecord, list_runs


@dataclass(frozen=True)
class Status:
    """The champion, if there is one yet, what each environment serves, and runs, newest first.

    `problems` says what of the platform cannot be read.
    """

    champion: ModelVersion | None = None
    services: Sequence[Service] = ()
    runs: Sequence[RunRecord] = ()
    problems: Sequence[str] = ()


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
    return Status(champion, services, list_runs(opened.workspace.outputs)[:most] if most else (), tuple(problems))
