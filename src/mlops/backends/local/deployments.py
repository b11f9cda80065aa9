"""The recorded state of an environment on one machine: its deployments, and where the last one was started."""

from dataclasses import dataclass, replace
from pathlib import Path

from mlops.backends.local.processes import ServiceProcess
from mlops.release.history import Deployment, Deployments


@dataclass(frozen=True)
class LocalDeployment(Deployment):
    """A deployment with its process, which is None once it has stopped.

    Parameters
    ----------
    process : ServiceProcess or None
        Its server.
    keys : str
        The hash of its keys.
    home, machine : str
        The home and the machine in which the server was started, because a home can be copied while its server runs.
        Both are empty in older records, and once the server was stopped.
    """

    process: ServiceProcess | None = None
    keys: str = ""
    home: str = ""
    machine: str = ""


@dataclass(frozen=True)
class LocalState(Deployments):
    """The state of one environment.

    Its `port`, and so its URL, never changes. The port is 0 before the first deployment.
    """

    current: LocalDeployment | None = None
    history: tuple[LocalDeployment, ...] = ()
    port: int = 0

    @property
    def process(self) -> ServiceProcess | None:
        """The process that serves now, or None if the environment serves nothing."""
        return self.current.process if self.current else None

    def find_replacement(self, folder: Path) -> str:
        """Return when the server with this folder was replaced; empty if it was not replaced or the time is unknown.

        A folder is named after the time when its server started; the deployment is recorded a moment later.
        """
        day, _, clock = folder.name.partition("T")
        began = f"{day}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}Z"
        deployments = (*self.history, *([self.current] if self.current else []))
        later = sorted(found.deployed for found in deployments if found.deployed >= began)
        return later[1] if len(later) > 1 else ""

    def forget_process(self) -> "LocalState":
        """Return the state without its process, which was stopped."""
        return replace(self, current=replace(self.current, process=None, home="", machine="")) if self.current else self

    def disown_process(self, home: str) -> "LocalState":
        """Return the state without its process. Record `home` as the home of that process if none is recorded."""
        if self.current is None:
            return self
        return replace(self, current=replace(self.current, process=None, home=self.current.home or home))
