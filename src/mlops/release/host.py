"""The protocol that a platform implements to serve images.

`mlops.release.policy` decides which image to serve and when.
"""

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from mlops.platform.images import Image
from mlops.platform.services import Service
from mlops.release.history import Deployments

State = TypeVar("State", bound=Deployments)


class View(Protocol[State]):
    """The state of an environment, read without its lock."""

    def read(self) -> State:
        """Return the stored state of the environment; empty before the first deployment."""
        ...

    def accepts_keys(self, state: State) -> bool:
        """Return whether the service accepts the keys that the platform stores now; True if there is no service."""
        ...

    def describe(self, state: State) -> Service:
        """Return the service of `state.current` and its current health."""
        ...


class Site(View[State], Protocol[State]):
    """An environment whose lock is held, so that no other process changes it."""

    def write(self, state: State) -> None:
        """Store `state`. Raise ConflictError or LostLockError if another process may have written in the meantime."""
        ...

    def matches_settings(self, state: State) -> bool:
        """Return whether a new service would have the same address and keys as the current service."""
        ...

    def replace_keys(self, *, keep_primary: bool) -> AbstractContextManager[bool]:
        """Store new keys, and yield whether the running service has them already.

        If not, the caller restarts the service.

        With `keep_primary`, the old primary key becomes the secondary key. If the caller raises an exception, restore
        the old keys.
        """
        ...

    def serve(self, state: State, image: Image, ready_seconds: float) -> State:
        """Start serving `image`, wait until it is healthy, and return the new state.

        The previous service continues to run. Raise DeploymentError if the new one does not become ready in time.
        """
        ...

    def put_back(self, state: State) -> None:
        """Undo a call of `serve` that failed or whose result could not be stored.

        `state` is the state before that call.
        """
        ...

    def retire(self, state: State) -> None:
        """End the previous service, which `state` describes. Called after the new state was stored."""
        ...

    def end(self) -> bool:
        """End the service, and return True if one was running. The deployment stays in the state."""
        ...


class Host(Protocol[State]):
    """A platform that serves one image per environment."""

    command_options: str  # the option to add to commands in error messages: " --platform azure", or empty
    restore_seconds: float  # seconds in which a restored image must become ready

    def look(self, environment: str) -> View[State]:
        """Return an environment for reading. Other processes may change it meanwhile."""
        ...

    def lock(self, environment: str) -> AbstractContextManager[Site[State]]:
        """Hold the lock of an environment. If another deployment holds the lock, wait until it finishes."""
        ...
