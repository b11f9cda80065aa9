"""The interface to infrastructure: the set-up of a platform, and its deletion."""

from dataclasses import dataclass
from typing import Literal, Protocol

ChangeKind = Literal["create", "modify", "delete", "none"]


@dataclass(frozen=True)
class Change:
    """A change of one resource of a platform when the platform is set up or deleted."""

    kind: ChangeKind
    resource: str
    name: str


class Infrastructure(Protocol):
    """The set-up and the deletion of a platform."""

    def preview(self) -> list[Change]:
        """Return the changes that `provision` would make; called by `mlops provision --what-if`."""
        ...

    def provision(self) -> list[Change]:
        """Create the missing resources of the platform, and return the changes; called by the notebook 00_provision.

        Safe to call again.
        """
        ...

    def require_ready(self) -> None:
        """Raise an error if the platform is not ready for a run; called before every run."""
        ...

    def preview_delete(self) -> list[Change]:
        """Return the changes that `delete` would make."""
        ...

    def delete(self) -> list[Change]:
        """Delete everything that `provision` created, with all data, and return the changes.

        Called by `mlops provision --delete`. Safe to call again: a resource that does not exist is not an error.
        """
        ...
