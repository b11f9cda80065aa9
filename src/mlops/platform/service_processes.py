"""The interface to the processes of services: their virtual environments, their logs and their states."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class ServiceEnvironment:
    """A virtual environment with exactly the packages that a lock file lists.

    Parameters
    ----------
    folder : Path
        The folder of the environment.
    packages : int
        The number of its packages.
    linked : int
        The number of packages that were linked from this program's own environment. The others were installed.
    seconds : float
        How long its creation took, in seconds; 0 if it already existed.
    """

    folder: Path
    packages: int
    linked: int
    seconds: float = 0.0

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.folder / "bin" / "python"

    def describe(self) -> str:
        """Return a sentence that says how many packages the environment has, and how long its creation took."""
        if not self.seconds:
            return f"The environment of the service exists already ({self.packages} packages)."
        others = self.packages - self.linked
        how = f"{self.linked} linked from the environment of this program, {others} installed"
        return f"Created the environment of the service in {self.seconds:.1f} s ({self.packages} packages: {how})."


class ServiceEnvironments(Protocol):
    """The creation of virtual environments for services that run on this machine."""

    def create(self, requirements: Path) -> ServiceEnvironment:
        """Return the environment for a lock file; called by the notebook 05_create_image, and before a service starts.

        The environment is created if it does not exist or is damaged. Safe to call again, and from several processes.
        Raises DeploymentError if packages are missing and cannot be installed.
        """
        ...


class ServiceLogs(Protocol):
    """The logs of services, with one service per environment."""

    def read_log(self, environment: str, count: int) -> list[str]:
        """Return the last `count` lines of the log of the service that is running or ran last; called by `mlops logs`.

        Raises DeploymentNotFoundError if there is no log.
        """
        ...

    def follow_log(self, environment: str, count: int) -> Iterator[str]:
        """Yield the last `count` lines of the log, and then each line that is added, also by later services."""
        ...


ProcessState = Literal["running", "died", "stopped"]  # stopped: with `mlops stop`, or never started


class ServiceProcesses(Protocol):
    """The processes of services, with one service per environment."""

    def find_state(self, environment: str) -> ProcessState:
        """Return the state of the service's process; called by `mlops start --foreground`."""
        ...
