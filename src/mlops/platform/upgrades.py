"""The interface to upgrades of a platform's state that an older version of the engine created."""

from collections.abc import Iterator
from typing import Protocol


class Upgrades(Protocol):
    """The upgrade of a platform's own state in MLOPS_HOME; called by `mlops upgrade`."""

    def list_outdated(self) -> list[str]:
        """Return one line for each part of the state that must be upgraded; change nothing.

        Raises FormatError if a newer version of the engine created the state.
        """
        ...

    def upgrade(self) -> Iterator[str]:
        """Upgrade the state, and yield one line for each upgrade. The caller must make a backup first.

        If the process is killed, either the old or the new state remains. Safe to call again: up-to-date state is not
        changed.
        """
        ...
