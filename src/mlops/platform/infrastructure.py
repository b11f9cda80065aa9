"""The seam of infrastructure: a platform is set up once, and deleted."""

from dataclasses import dataclass
from typing import Literal, Protocol

ChangeKind = Literal["create", "modify", "delete", "none"]


@dataclass(frozen=True)
class Change:
    """The change of one resource when a platform is set up or deleted: its kind and name as people know them."""

    kind: ChangeKind
    resource: str
    name: str


class Infrastructure(Protocol):
    """The set-up of the platform, done once, and its deletion."""

    def preview(self) -> list[Change]:
        """Return what `provision` would change; changes nothing. Called by `mlops provision --what-if`."""
        ...

    def provision(self) -> list[Change]:
        """Make what is missing and return what changed; called by 00_provision. Safe to call again."""
        ...

    def require_ready(self) -> None:
        """Raise what stands in the way of a run: not logged in, not set up. Called before anything runs."""
        ...

    def preview_delete(self) -> list[Change]:
        """Return what `delete` would delete; changes nothing."""
        ...

    def delete(self) -> list[Change]:
        """Delete everything that `provision` made, with the data in it; called by `mlops provision --delete`.

        Services end first. Safe to call again: something that is already gone is not an error. Returns what was
        deleted.
        """
        ...
