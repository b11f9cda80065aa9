"""The seam of the tracking page: what shows people all trainings."""

from collections.abc import Sequence
from typing import Protocol


class TrackingPage(Protocol):
    """The page of a tracking server that this machine can serve."""

    def find_command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that serves the page until it is interrupted; called by `mlops ui`.

        `arguments` are passed on to the server. Raises UsageError where the server is not installed, and what stands
        in the way of a run: the server must not find a database that it cannot use, or upgrade one unasked.
        """
        ...
