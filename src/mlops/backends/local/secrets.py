"""Secrets from environment variables, and the keys of services in files that only their owner can read."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from mlops.errors import IntegrityError
from mlops.files.atomic import write_atomically
from mlops.files.records import read_record
from mlops.platform.secret_variables import list_variables, read_variable

NEW_KEYS = "Delete it to get new keys with the next release."


@dataclass(frozen=True)
class Keys:
    """The two keys of an environment's service. The service accepts either key."""

    primary: str
    secondary: str


class LocalSecrets:
    """See `mlops.platform.secrets.Secrets`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "secrets"

    def get_secret(self, name: str) -> str:
        """See `Secrets`. Reads the environment variable ``MLOPS_SECRET_<NAME>``."""
        return read_variable(name)

    def get_keys(self, environment: str) -> tuple[str, str]:
        """See `Secrets`."""
        path = self.find_keys_file(environment)
        found = read_record(path, Keys, NEW_KEYS)
        return found.primary, found.secondary

    def find_keys_file(self, environment: str) -> Path:
        """Return the file with the keys of an environment's service. A missing file is created with new keys."""
        path = self._folder / f"{environment}-keys.json"
        if path.exists():
            return path
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self._folder / f"{environment}.lock"):
            if not path.exists():
                self._write_keys(path, Keys(secrets.token_urlsafe(32), secrets.token_urlsafe(32)))
        return path

    def hash_keys(self, environment: str) -> str:
        """Return the SHA-256 of the keys of an environment's service; "" if no keys are stored."""
        path = self._folder / f"{environment}-keys.json"
        if not path.exists():
            return ""
        keys = read_record(path, Keys, NEW_KEYS)
        return hashlib.sha256(f"{keys.primary} {keys.secondary}".encode()).hexdigest()

    @contextmanager
    def replace_keys(self, environment: str, *, keep_primary: bool) -> Iterator[None]:
        """Store new keys for a service, and restore the old keys if the ``with`` block raises an exception.

        Parameters
        ----------
        environment : str
            The environment of the service.
        keep_primary : bool
            Whether the old primary key becomes the secondary key. If not, both keys are new.
        """
        path = self._folder / f"{environment}-keys.json"
        before = path.read_bytes() if path.exists() else None
        second = self.get_keys(environment)[0] if before and keep_primary else secrets.token_urlsafe(32)
        self._write_keys(path, Keys(secrets.token_urlsafe(32), second))
        try:
            yield
        except BaseException:
            if before is None:
                path.unlink()
            else:
                write_atomically(path, before, mode=0o600)
            raise

    def _write_keys(self, path: Path, keys: Keys) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, json.dumps(asdict(keys)), mode=0o600)

    def list_values(self) -> Iterable[str]:
        """See `Secrets`."""
        for path in self._folder.glob("*-keys.json"):
            with suppress(IntegrityError, FileNotFoundError):  # no service can use keys that cannot be read
                keys = read_record(path, Keys)
                yield from (keys.primary, keys.secondary)
        yield from list_variables()
