"""How a project stands: its champion, its services, its last runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.operations.opening import OpenProject
from mlops.platform.models import ModelVersion
from mlops.platform.services import Service
from mlops.record.ledger import RunRecord, list_runs


@dataclass(frozen=True)
class Status:
    """The champion, if there is one yet, what each environment serves, and runs, newest first."""

    champion: ModelVersion | None = None
    services: Sequence[Service] = ()
    runs: Sequence[RunRecord] = ()


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
    champion = opened.backend.registry.find_champion(opened.model_name)
    services = opened.backend.services.list_services()
    return Status(champion, services, list_runs(opened.workspace.outputs)[:most] if most else ())
