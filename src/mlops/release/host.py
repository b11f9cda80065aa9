"""The protocol that a platform implements to serve images. `mlops.release.policy` decides what it serves, and when."""

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from mlops.platform.images import Image
from mlops.platform.services import Service
from mlops.release.history import Deployments

State = TypeVar("State", bound=Deployments)


class View(Protocol[State]):
    """An environment as it is read without its lock."""

    def read(self) -> State:
        """Return what is remembered of the environment; empty before the first deployment."""
        ...

    def accepts_keys(self, state: State) -> bool:
        """Return whether what serves has the keys that the platform's secrets hold; true if nothing serves."""
        ...

    def describe(self, state: State) -> Service:
        """Return the service of `state.current`, with its health as of now."""
        ...


class Site(View[State], Protocol[State]):
    """An environment whose lock is held, so that nobody else changes it."""

    def write(self, state: State) -> None:
        """Remember `state`; raises ConflictError or LostLockError where somebody else may have written meanwhile."""
        ...

    def matches_settings(self, state: State) -> bool:
        """Return whether a new service would have the same address and keys as the one that is there."""
        ...

    def replace_keys(self, *, keep_primary: bool) -> AbstractContextManager[bool]:
        """Store new keys, and say whether what serves has them at once; if it does not, it is restarted within.

        With `keep_primary` the old primary key becomes the secondary one. An exception puts the old keys back.
        """
        ...

    def serve(self, state: State, image: Image, ready_seconds: float) -> State:
        """Start serving `image`, wait until it is healthy, and return the state to remember.

        Raises DeploymentError if it does not get ready in time. What served before is not ended yet.
        """
        ...

    def put_back(self, state: State) -> None:
        """Undo a `serve` of this site that failed, or could not be remembered: `state` is what was before it."""
        ...

    def retire(self, state: State) -> None:
        """End what served before, as `state` has it; called once the new service is remembered."""
        ...

    def end(self) -> bool:
        """End the service, and return True if there was one; what it served stays remembered."""
        ...


class Host(Protocol[State]):
    """A platform as a place where images are served, one an environment."""

    command_options: str  # what a command in an error's hint needs to reach this platform: " --platform azure"
    restore_seconds: float  # for an image that served before to get ready again

    def look(self, environment: str) -> View[State]:
        """Return an environment to read, while others may change it."""
        ...

    def lock(self, environment: str) -> AbstractContextManager[Site[State]]:
        """Hold the lock of an environment; waits for another deployment to finish."""
        ...
