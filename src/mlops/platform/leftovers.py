"""The seam of leftovers: state of a platform that is no longer needed."""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Leftover:
    """Old state that is no longer needed.

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
    """The part of a platform's own state that can be deleted. `mlops prune` calls it."""

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
