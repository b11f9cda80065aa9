"""A platform and its parts.

.. code-block:: python

    backend = open_backend("local")
    champion = backend.registry.find_champion("churn")
    if backend.billing:  # a part that the platform does not have is None
        backend.billing.list_billable(Usage())
"""

# To add a platform, create a folder beside `backends/local/` that defines `open_backend(caller: Caller) -> Backend` and
# passes the contract suite in `tests/backends/contract`.

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from mlops.errors import UsageError
from mlops.platform.billing import Billing
from mlops.platform.datasets import Arrivals, Collections, Datasets
from mlops.platform.images import Images
from mlops.platform.infrastructure import Infrastructure
from mlops.platform.jobs import Jobs
from mlops.platform.leftovers import Leftovers
from mlops.platform.models import Registry
from mlops.platform.pipelines import Pipelines, Triggers
from mlops.platform.secrets import Secrets
from mlops.platform.service_processes import ServiceEnvironments, ServiceLogs, ServiceProcesses
from mlops.platform.services import Services
from mlops.platform.telemetry import Telemetry
from mlops.platform.trainings import Tracker, TrackingPage
from mlops.platform.upgrades import Upgrades
from mlops.workspace import Workspace

Part = TypeVar("Part")


@dataclass(frozen=True)
class Caller:
    """The program that opens a platform.

    Parameters
    ----------
    workspace : Workspace
        The project and its MLOPS_HOME.
    command : sequence of str
        The command that starts this program in a new process, as a list of arguments. If it is empty, no run can be
        submitted to this machine.
    command_options : str
        The option that selects this platform, for commands in messages: " --platform azure". It is empty for the
        default platform.
    """

    workspace: Workspace
    command: Sequence[str] = ()
    command_options: str = ""


@dataclass(frozen=True)
class Backend:
    """A platform and its parts. An optional part is None if the platform does not have it.

    Parameters
    ----------
    name : str
        The name of the platform, as in ``--platform``; used in messages.
    infrastructure : Infrastructure, optional
        Sets up the platform; None if no set-up is needed.
    pipelines : Pipelines, optional
        Publishes the retraining pipeline and starts it.
    triggers : Triggers, optional
        Starts the published pipeline on a schedule and for new data.
    arrivals : Arrivals, optional
        Fetches new data from a watched folder.
    jobs : Jobs, optional
        Finds the step that this process executes for a submitted run; None if one process executes whole runs.
    billing : Billing, optional
        Lists the billable quantities of a month; None if nothing is billed.
    telemetry : Telemetry, optional
        Shows runs in the platform's own monitoring.
    upgrades : Upgrades, optional
        Upgrades state in MLOPS_HOME that an older version created; None if no state can be outdated.
    environments : ServiceEnvironments, optional
        Creates the virtual environments of services; None if they are part of the images.
    processes : ServiceProcesses, optional
        Finds the processes of services; None if services do not run on this machine.
    logs : ServiceLogs, optional
        Reads the logs of services; None if the platform has none.
    collections : Collections, optional
        Finds the rows that services collect; None if they collect nothing.
    leftovers : Leftovers, optional
        Deletes state that nothing needs any more; None if old state is deleted by other means.
    tracking_page : TrackingPage, optional
        Serves a web page with all trainings; None if the platform already has such a page.
    command_options : str
        The option that selects this platform, for commands in messages: " --platform azure". It is empty for the
        default platform.
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
    environments: ServiceEnvironments | None = None
    processes: ServiceProcesses | None = None
    logs: ServiceLogs | None = None
    collections: Collections | None = None
    leftovers: Leftovers | None = None
    tracking_page: TrackingPage | None = None
    command_options: str = ""

    def require(self, part: Part | None, what: str) -> Part:
        """Return an optional part, or raise an error if the platform does not have it.

        Parameters
        ----------
        part : object or None
            The part of this platform.
        what : str
            What a platform with this part supports, for the error message: "published pipelines".

        Raises
        ------
        UsageError
            If `part` is None.
        """
        if part is None:
            raise UsageError(
                f"The platform {self.name} does not support {what}. Choose another platform with --platform."
            )
        return part
