"""The interface to infrastructure: the set-up of a platform, and its deletion."""

from dataclasses import dataclass
from typing import Literal, Protocol

ChangeKind = Literal["create", "modify", "delete", "none"]


@dataclass(frozen=True)
class Change:
    """A change of one resource when a platform is set up or deleted; `resource` is the type of the resource."""

    kind: ChangeKind
    resource: str
    name: str


class Infrastructure(Protocol):
    """The set-up of the platform, done once, and its deletion."""

    def preview(self) -> list[Change]:
        """Return the changes that `provision` would make; called by `mlops provision --what-if`."""
        ...

    def provision(self) -> list[Change]:
        """Create the missing resources and return the changes; called by 00_provision. Safe to call again."""
        ...

    def require_ready(self) -> None:
        """Raise an error if a run cannot start, for example because nobody is logged in; called before every run."""
        ...

    def preview_delete(self) -> list[Change]:
        """Return the changes that `delete` would make."""
        ...

    def delete(self) -> list[Change]:
        """Delete everything that `provision` created, with all data, and return the changes.

        Called by `mlops provision --delete`. Services are stopped first. Safe to call again: a resource that is already
        deleted is not an error.
        """
        ...
