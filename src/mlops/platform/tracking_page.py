"""The interface to the page that shows all trainings."""

from collections.abc import Sequence
from typing import Protocol


class TrackingPage(Protocol):
    """A web page with all trainings, which a server on this machine serves."""

    def find_command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that serves the page until it is interrupted; called by `mlops ui`.

        `arguments` are passed on to the server. Raises UsageError if the server is not installed. The database is
        checked first, as before a run, because the server would upgrade an older database without asking.
        """
        ...
