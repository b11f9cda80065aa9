"""The protocol that a platform implements to serve images. `mlops.release.policy` decides which image, and when."""

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
        """Return whether the service accepts the platform's present keys; True if nothing serves."""
        ...

    def describe(self, state: State) -> Service:
        """Return the service of `state.current` with its present health."""
        ...


class Site(View[State], Protocol[State]):
    """An environment whose lock is held, so that no other process changes it."""

    def write(self, state: State) -> None:
        """Store `state`; raise ConflictError or LostLockError if another process may have written meanwhile."""
        ...

    def matches_settings(self, state: State) -> bool:
        """Return whether a new service would have the same address and keys as the present one."""
        ...

    def replace_keys(self, *, keep_primary: bool) -> AbstractContextManager[bool]:
        """Store new keys, and yield True if the running service has them; otherwise the caller restarts it.

        With `keep_primary`, the old primary key becomes the secondary one. After an exception, restore the old keys.
        """
        ...

    def serve(self, state: State, image: Image, ready_seconds: float) -> State:
        """Start serving `image`, wait until it is healthy, and return the new state.

        Raises DeploymentError if it does not get ready in time. The previous service still runs.
        """
        ...

    def put_back(self, state: State) -> None:
        """Undo a call of `serve` that failed or whose result could not be stored; `state` is the state before it."""
        ...

    def retire(self, state: State) -> None:
        """End the previous service, which `state` describes; called after the new state was stored."""
        ...

    def end(self) -> bool:
        """End the service, and return True if there was one. The state keeps the deployment."""
        ...


class Host(Protocol[State]):
    """A platform that serves one image per environment."""

    command_options: str  # the option that commands in error messages need: " --platform azure"
    restore_seconds: float  # time limit for a restored image to become ready

    def look(self, environment: str) -> View[State]:
        """Return an environment for reading, while other processes may change it."""
        ...

    def lock(self, environment: str) -> AbstractContextManager[Site[State]]:
        """Hold the lock of an environment; wait for another deployment to finish."""
        ...
