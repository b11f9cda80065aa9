"""The seam of infrastructure: a platform is set up once, and deleted."""

from dataclasses import dataclass
from typing import Literal, Protocol

ChangeKind = Literal["create", "modify", "delete", "none"]


@dataclass(frozen=True)
class Change:
    """What setting up, or taking away, does to one resource: its kind and name as people know them."""

    kind: ChangeKind
    resource: str
    name: str


class Infrastructure(Protocol):
    """Sets the platform up, once, and takes it away."""

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
        """Return what `delete` would take away; changes nothing."""
        ...

    def delete(self) -> list[Change]:
        """Take away all that `provision` has made, with the data in it; called by `mlops provision --delete`.

        Services end first. Safe to call again: what is gone already is no error. Returns what was taken away.
        """
        ...
