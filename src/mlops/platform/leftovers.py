"""The interface to leftovers: state of a platform that is no longer needed."""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Leftover:
    """State of a platform that is no longer needed.

    Parameters
    ----------
    kind, name : str
        The kind and the name for display, such as "image" and "churn:1 sha256:3f9a…".
    last_used : float
        The time of the last use, in seconds since 1970.
    size : int
        The size on the disk, in bytes.
    paths : tuple of Path
        The files and folders, in the order in which they must be deleted.
    """

    kind: str
    name: str
    last_used: float
    size: int
    paths: tuple[Path, ...]


class Leftovers(Protocol):
    """The deletion of a platform's own state that is no longer needed; used by `mlops prune`."""

    def list_references(self) -> set[str]:
        """Return texts that identify what champions, services and possible rollbacks need.

        These are the names and digests of images, and the values of the champions' tags, such as hashes of data.

        Raises IntegrityError if the record of a champion or service cannot be read.
        """
        ...

    def find(self, before: float, needed: Set[str]) -> list[Leftover]:
        """Return the state that is no longer needed, without deleting it.

        This is the state that was last used before the time `before`, in seconds since 1970, and that is neither in
        `needed` nor in the result of `list_references`.
        """
        ...

    def delete(self, before: float, needed: Set[str]) -> list[Leftover]:
        """Delete the state that `find` would return, and return what was deleted.

        Waits for running deployments, and holds the locks on environments and data, so that no other process can start
        to use state that is being deleted. If the process is killed, each item is either complete or deleted. Safe to
        call again.
        """
        ...
