"""The protocol that a platform implements to serve images."""

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from mlops.platform.images import Image
from mlops.platform.services import Service
from mlops.release.history import Deployments

State = TypeVar("State", bound=Deployments)


class View(Protocol[State]):
    """Read access to the state of an environment, without locking it."""

    def read(self) -> State:
        """Return the stored state of the environment; empty before the first deployment."""
        ...

    def accepts_keys(self, state: State) -> bool:
        """Return whether the service accepts the keys that the platform stores now.

        The result is True if there is no service.
        """
        ...

    def list_settings(self) -> dict[str, str]:
        """Return the settings that a new service would get, as text. Secrets are left out."""
        ...

    def describe(self, state: State) -> Service:
        """Return the current deployment of `state` as a service, with its present health."""
        ...

    def quote_log(self, state: State) -> str:
        """Return the path and last lines of the service's log as text; "" if the log cannot be read. Never raise."""
        ...


class Site(View[State], Protocol[State]):
    """Read and write access to the state of an environment, while this process holds the lock of the environment."""

    def write(self, state: State) -> None:
        """Store `state`. Raise LostLockError if the lock was lost, ConflictError if another process wrote a state."""
        ...

    def matches_settings(self, state: State) -> bool:
        """Return whether the current service has the address and keys that a new service would get."""
        ...

    def replace_keys(self, *, keep_primary: bool) -> AbstractContextManager[bool]:
        """Store new keys before the body of a ``with`` statement, and yield whether the service already uses them.

        If the service does not use them yet, the caller must restart it. With `keep_primary`, the old primary key
        becomes the secondary key. If the ``with`` statement raises an exception, the old keys are restored.
        """
        ...

    def serve(self, state: State, image: Image, ready_seconds: float) -> State:
        """Start a service for `image`, wait until it is healthy, and return the new state.

        The previous service keeps running. Raise DeploymentError if the new service does not become ready in time.
        """
        ...

    def put_back(self, state: State) -> None:
        """Undo a call of `serve` that failed, or whose result could not be stored.

        `state` is the state before `serve` was called.
        """
        ...

    def retire(self, state: State) -> None:
        """End the previous service, which `state` describes. Call this after the new state is stored."""
        ...

    def end(self) -> bool:
        """End the service, and return whether one was running. The stored state does not change."""
        ...


class Host(Protocol[State]):
    """A platform that serves one image per environment."""

    command_options: str  # the option for commands in error messages: " --platform azure", or empty
    restore_seconds: float  # time limit in seconds until a restored service is ready

    def look(self, environment: str) -> View[State]:
        """Return read access to the state of an environment, which other processes may change at the same time."""
        ...

    def lock(self, environment: str) -> AbstractContextManager[Site[State]]:
        """Lock an environment, and yield access to its state. If another deployment holds the lock, wait for it."""
        ...
