"""Secrets from environment variables, and the keys of services in memory."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mlops.platform.secret_variables import list_variables, read_variable


class MemorySecrets:
    """See `mlops.platform.secrets.Secrets`."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, str]] = {}

    def get_secret(self, name: str) -> str:
        """See `Secrets`. Reads the environment variable ``MLOPS_SECRET_<NAME>``."""
        return read_variable(name)

    def get_keys(self, environment: str) -> tuple[str, str]:
        """See `Secrets`."""
        return self._keys.setdefault(environment, (secrets.token_urlsafe(32), secrets.token_urlsafe(32)))

    @contextmanager
    def replace_keys(self, environment: str, *, keep_primary: bool) -> Iterator[None]:
        """Store new keys for a service, and restore the old keys if the ``with`` block raises an exception.

        If `keep_primary` is true, the old primary key becomes the secondary key. Otherwise, both keys are new.
        """
        before = self.get_keys(environment)
        second = before[0] if keep_primary else secrets.token_urlsafe(32)
        self._keys[environment] = (secrets.token_urlsafe(32), second)
        try:
            yield
        except BaseException:
            self._keys[environment] = before
            raise

    def list_values(self) -> Iterable[str]:
        """See `Secrets`."""
        for keys in self._keys.values():
            yield from keys
        yield from list_variables()
