"""The seam of upgrades: state of a platform that an older version has made."""

from collections.abc import Iterator
from typing import Protocol


class Upgrades(Protocol):
    """The upgrade of a platform's own state in MLOPS_HOME; called by `mlops upgrade`."""

    def list_outdated(self) -> list[str]:
        """Return what must be upgraded before it can be used, one line each; changes nothing.

        Raises FormatError where a newer version has made it.
        """
        ...

    def upgrade(self) -> Iterator[str]:
        """Upgrade it, and say what was done, one line each.

        Called with a backup made and the locks of the home held. Killed anywhere it leaves the old state or the new
        one. Safe to call again: what is up to date already stays as it is.
        """
        ...
