"""Secrets of one machine: environment variables, and service keys in files that only their owner can read."""

import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from mlops.files import read_record, write_atomically
from mlops.platform.secret_variables import list_variables, read_variable


class LocalSecrets:
    """See `mlops.platform.secrets.Secrets`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "secrets"

    def get_secret(self, name: str) -> str:
        """See `Secrets`: the environment variable ``MLOPS_SECRET_<NAME>``."""
        return read_variable(name)

    def get_keys(self, environment: str) -> tuple[str, str]:
        """See `Secrets`."""
        path = self.find_keys_file(environment)
        found = read_record(path, dict[str, str])
        return found["primary"], found["secondary"]

    def find_keys_file(self, environment: str) -> Path:
        """Return the file that holds an environment's keys, made with new keys on first use."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{environment}-keys.json"
        with FileLock(self._folder / f"{environment}.lock"):
            if not path.is_file():
                keys = {name: secrets.token_urlsafe(32) for name in ("primary", "secondary")}
                write_atomically(path, json.dumps(keys), mode=0o600)
        return path

    def list_values(self) -> Iterable[str]:
        """See `Secrets`."""
        for path in self._folder.glob("*-keys.json"):
            yield from read_record(path, dict[str, str]).values()
        yield from list_variables()
