"""The seam of leftovers: what a platform keeps although nothing needs it any more."""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Leftover:
    """Something old that nothing needs any more.

    Parameters
    ----------
    kind, name : str
        What it is: "image", "diabetes:1 sha256:3f9a…".
    last_used : float
        When, in seconds since 1970.
    size : int
        Bytes on the disk.
    paths : tuple of Path
        Its files and folders, in the order in which they must go.
    """

    kind: str
    name: str
    last_used: float
    size: int
    paths: tuple[Path, ...]


class Leftovers(Protocol):
    """What can be deleted of a platform's own state; called by `mlops prune`."""

    def list_references(self) -> set[str]:
        """Return what the champions, the services, and what they can be rolled back to refer to.

        That is images by name and digest, and the tags of models, which name runs. Raises IntegrityError if any of it
        cannot be read: nothing may be deleted then.
        """
        ...

    def find(self, before: float, needed: Set[str]) -> list[Leftover]:
        """Return what was last used before a time, in seconds since 1970, and is not referred to; changes nothing.

        `needed` is what the runs refer to that are kept: digests, and paths and hashes of data files.
        """
        ...

    def delete(self, before: float, needed: Set[str]) -> list[Leftover]:
        """Delete what `find` would return, and return it. Waits for deployments to end.

        Killed anywhere, each leftover is whole or gone. Safe to call again.
        """
        ...
