"""The seam of infrastructure: a platform is set up once, and deleted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from mlops.platform.billing import Billable, Usage
from mlops.platform.datasets import DatasetVersion

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

    def find_training_data(self) -> str:
        """Return the address of the data to train on where nobody names a file; called by `mlops run`.

        "" for the problem's sample, at home; elsewhere the newest version of the data set. Raises NotFoundError.
        """
        ...

    def register_dataset(self, file: Path, *, only_first: bool = False) -> DatasetVersion:
        """Store a data file and make it the newest version of the data set; called by 00_provision.

        With `only_first`, only where there is no version yet: else the newest one is returned. Safe to call again: the
        same content makes no second version. What an older version names stays as it is.
        """
        ...

    def find_dataset(self, version: str) -> DatasetVersion:
        """Return a version of the data set, "latest" or "" for the newest; raises NotFoundError."""
        ...

    def list_billable(self, usage: Usage) -> list[Billable]:
        """Return what is billed in a month of 30 days, by the settings alone; called by `mlops cost`."""
        ...

    def preview_delete(self) -> list[Change]:
        """Return what `delete` would take away; changes nothing."""
        ...

    def delete(self) -> list[Change]:
        """Take away all that `provision` has made, with the data in it; called by `mlops provision --delete`.

        Services end first. Safe to call again: what is gone already is no error. Returns what was taken away.
        """
        ...
