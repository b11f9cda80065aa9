"""The recorded state of an environment on one machine: its deployments, and the server of the current one."""

from dataclasses import dataclass, replace
from pathlib import Path

import requests

from mlops.backends.local.services.processes import ServiceProcess
from mlops.platform.services import Health
from mlops.release.history import Deployment, Deployments
from mlops.release.sessions import open_session

HEALTH_SECONDS = 2.0


@dataclass(frozen=True)
class LocalDeployment(Deployment):
    """A deployment with its server process.

    Parameters
    ----------
    process : ServiceProcess or None
        The server; None after it was stopped.
    keys : str
        The SHA-256 of the server's keys.
    home, machine : str
        The MLOPS_HOME from which the server was started, and the machine on which it runs; empty if they are unknown or
        the server was stopped.
    """

    process: ServiceProcess | None = None
    keys: str = ""
    home: str = ""
    machine: str = ""


@dataclass(frozen=True)
class LocalState(Deployments):
    """The state of one environment. `port` is the port of the last deployment, or 0 before the first one."""

    current: LocalDeployment | None = None
    history: tuple[LocalDeployment, ...] = ()
    port: int = 0

    @property
    def process(self) -> ServiceProcess | None:
        """The current server process, or None if no service is running."""
        return self.current.process if self.current else None

    def find_replacement(self, folder: Path) -> str:
        """Return the time when the server that ran in `folder` was replaced; "" if no replacement is known."""
        # The folder is named after the server's start. The server's own deployment is recorded a moment later.
        day, _, clock = folder.name.partition("T")
        began = f"{day}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}Z"
        deployments = (*self.history, *([self.current] if self.current else []))
        later = sorted(found.deployed for found in deployments if found.deployed >= began)
        return later[1] if len(later) > 1 else ""

    def forget_process(self) -> "LocalState":
        """Return the state without its server process, and without the MLOPS_HOME and the machine of the process."""
        return replace(self, current=replace(self.current, process=None, home="", machine="")) if self.current else self

    def disown_process(self, home: str) -> "LocalState":
        """Return the state without its server process, which ended or was started from a different MLOPS_HOME.

        Parameters
        ----------
        home : str
            The MLOPS_HOME from which the process was started; empty if it is unknown.
        """
        if self.current is None:
            return self
        return replace(self, current=replace(self.current, process=None, home=self.current.home or home))


def check_health(state: LocalState) -> Health:
    """Return the health of the current service."""
    if state.current is None or state.process is None or not state.process.alive:
        return "stopped"
    url = f"http://127.0.0.1:{state.port}"
    try:
        with open_session(url) as session:
            answer = session.get(f"{url}/readyz", timeout=HEALTH_SECONDS)
        return "healthy" if answer.ok and answer.json()["digest"] == state.current.digest else "unhealthy"
    except (requests.RequestException, ValueError, KeyError):
        return "unhealthy"
