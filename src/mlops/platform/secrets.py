"""The seam of secrets, which are kept out of notebooks, parameters, logs and images."""

from collections.abc import Iterable
from typing import Protocol


class Secrets(Protocol):
    """The store of secrets, which are kept out of notebooks, parameters, logs and images."""

    def get_secret(self, name: str) -> str:
        """Return a secret; raises SecretNotFoundError that says how to set it."""
        ...

    def get_keys(self, environment: str) -> tuple[str, str]:
        """Return the primary and secondary key of an environment's service, made on first use."""
        ...

    def list_values(self) -> Iterable[str]:
        """Return every secret's value, so that the runner can strike them out of what notebooks print."""
        ...
