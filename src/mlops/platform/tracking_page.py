"""The interface to the web page that shows all trainings."""

from collections.abc import Sequence
from typing import Protocol


class TrackingPage(Protocol):
    """A web page that shows all trainings."""

    def find_command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that starts the server of the page, with the additional `arguments`; called by `mlops ui`.

        Raises UsageError if the server is not installed.
        """
        ...
