"""The interface to the page on which people see all trainings."""

from collections.abc import Sequence
from typing import Protocol


class TrackingPage(Protocol):
    """The page of a tracking server that this machine can serve."""

    def find_command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that serves the page until it is interrupted; called by `mlops ui`.

        `arguments` are passed on to the server. Raises UsageError if the server is not installed, and the same errors
        as before a run, so that the server opens no database that it cannot use, and upgrades none unasked.
        """
        ...
