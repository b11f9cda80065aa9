"""A platform and its capabilities: the interface between a laptop and a cloud.

Notebooks and operations get a `Backend` from `mlops.backends.open_backend` and know nothing of the platform behind it.
To add one, create a folder beside ``backends/local/`` whose ``__init__`` has
``open_backend(caller: Caller) -> Backend``, and run the contract suite in ``tests/backends/contract`` against it.

.. code-block:: python

    backend = open_backend("local")
    champion = backend.registry.find_champion("diabetes")
    if backend.billing:  # a part that the platform does not have is None
        backend.billing.list_billable(Usage())
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from mlops.errors import UsageError
from mlops.platform.billing import Billing
from mlops.platform.datasets import Arrivals, Datasets
from mlops.platform.images import Images
from mlops.platform.infrastructure import Infrastructure
from mlops.platform.jobs import Jobs
from mlops.platform.leftovers import Leftovers
from mlops.platform.models import Registry
from mlops.platform.pipelines import Pipelines, Triggers
from mlops.platform.secrets import Secrets
from mlops.platform.services import Services
from mlops.platform.telemetry import Telemetry
from mlops.platform.tracking_page import TrackingPage
from mlops.platform.trainings import Tracker
from mlops.platform.upgrades import Upgrades
from mlops.workspace import Workspace

Part = TypeVar("Part")


@dataclass(frozen=True)
class Caller:
    """The caller that opens a platform.

    Parameters
    ----------
    workspace : Workspace
        The project and its MLOPS_HOME.
    command : sequence of str
        The command, as a list of arguments, that starts the caller's program in a new process. A platform that runs
        work in the background on this machine needs it: if it is empty, the caller cannot submit runs there.
    """

    workspace: Workspace
    command: Sequence[str] = ()


@dataclass(frozen=True)
class Backend:
    """A platform: the parts that every platform has, and those that only some have.

    Parameters
    ----------
    name : str
        The name of the platform, as in ``--platform``; used in messages.
    infrastructure : Infrastructure, optional
        Sets the platform up; None if it needs no set-up.
    pipelines : Pipelines, optional
        Publishes the retraining pipeline and starts it.
    triggers : Triggers, optional
        Starts the published pipeline on a schedule and for new data.
    arrivals : Arrivals, optional
        Fetches new data from a watched folder.
    jobs : Jobs, optional
        Finds the step that this process executes; None if one process executes whole runs.
    billing : Billing, optional
        Lists what a month costs; None if nothing is billed.
    telemetry : Telemetry, optional
        Shows runs in the platform's own monitoring.
    upgrades : Upgrades, optional
        Upgrades state in MLOPS_HOME that an older version created; None if no state can be outdated.
    leftovers : Leftovers, optional
        Deletes state that nothing needs any more; None if old state is deleted by other means.
    tracking_page : TrackingPage, optional
        Shows people all trainings; None if the platform itself serves such a page.
    """

    name: str
    tracker: Tracker
    registry: Registry
    images: Images
    services: Services
    secrets: Secrets
    datasets: Datasets
    infrastructure: Infrastructure | None = None
    pipelines: Pipelines | None = None
    triggers: Triggers | None = None
    arrivals: Arrivals | None = None
    jobs: Jobs | None = None
    billing: Billing | None = None
    telemetry: Telemetry | None = None
    upgrades: Upgrades | None = None
    leftovers: Leftovers | None = None
    tracking_page: TrackingPage | None = None

    def require(self, part: Part | None, what: str) -> Part:
        """Return a part that only some platforms have.

        Parameters
        ----------
        part : object or None
            The part of this platform.
        what : str
            The name of the part in messages, in the plural: "published pipelines".

        Raises
        ------
        UsageError
            If the platform does not have it.
        """
        if part is None:
            raise UsageError(f"The platform {self.name} has no {what}. Choose another platform with --platform.")
        return part
