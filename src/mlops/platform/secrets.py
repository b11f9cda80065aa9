"""The interface to secrets and to the keys of services."""

from collections.abc import Iterable
from typing import Protocol


class Secrets(Protocol):
    """The store of secrets and of the keys of services."""

    def get_secret(self, name: str) -> str:
        """Return the value of a secret; raises SecretNotFoundError if it is not set."""
        ...

    def get_keys(self, environment: str) -> tuple[str, str]:
        """Return the primary and the secondary key with which clients call the service of an environment."""
        ...

    def list_values(self) -> Iterable[str]:
        """Return the values of all secrets; called to redact them in the output of notebooks."""
        ...
