"""The rows that services on one machine collect: where they are stored, and which settings the services get."""

import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mlops.backends.collecting import describe_collection, find_hash_key
from mlops.backends.local.secrets import LocalSecrets
from mlops.backends.local.settings import LocalSettings
from mlops.data.location import require_file
from mlops.errors import UsageError
from mlops.files.atomic import write_atomically
from mlops.platform.datasets import CollectedPlace
from mlops.serving import collection
from mlops.serving.collection.settings import SETTINGS_FILE, Settings
from mlops.serving.collection.stores import FILE, describe_host

FOLDER = "collected"  # a folder in MLOPS_HOME
COLLECTION = "collection.json"  # a file in the folder of a server
UPLOADER = (sys.executable, "-m", collection.__name__)  # the environments of services lack fsspec and adlfs


class LocalCollections:
    """See `mlops.platform.datasets.Collections`.

    Parameters
    ----------
    home : Path
        The folder of the local platform (``MLOPS_HOME``).
    settings : LocalSettings
        The settings of the platform, which say what services collect.
    secrets : LocalSecrets
        The secrets, among them the key with which columns are hashed.
    """

    def __init__(self, home: Path, settings: LocalSettings, secrets: LocalSecrets) -> None:
        self._home = home
        self._settings = settings
        self._secrets = secrets

    def find_place(self, environment: str) -> CollectedPlace:
        """See `Collections`."""
        self._check_url()
        folder = self._home / FOLDER / environment
        given = self._settings.collect_url.rstrip("/")
        return CollectedPlace(folder / "segments", f"{given}/{environment}" if given else (folder / "uploads").as_uri())

    def require_ready(self, environment: str) -> None:
        """See `Collections`."""
        self._describe(environment)

    def find_key(self) -> str:
        """See `Collections`."""
        return find_hash_key(self._secrets.get_secret)

    def write_settings(self, environment: str, folder: Path) -> dict[str, str]:
        """Write a file with the settings for collecting requests, and return the variable with the file's path.

        The result is empty if nothing is collected.

        Parameters
        ----------
        environment : str
            The environment of the service.
        folder : Path
            The folder of the server. Its uploader reads the file again whenever it is restarted, so servers must not
            share a file.

        Raises
        ------
        SecretNotFoundError
            If columns are to be hashed, but the key for this is not set.
        UsageError
            If the setting `collect_url` is wrong, or a package that this URL needs is missing.
        """
        content = self._describe(environment)
        if content is None:
            return {}
        path = folder / COLLECTION
        write_atomically(path, msgspec.json.format(msgspec.json.encode(content), indent=1), mode=0o600)
        return {SETTINGS_FILE: str(path)}

    def delete_settings(self, folders: Iterable[Path]) -> None:
        """Delete the settings of servers that ended, which can contain a key. `folders` are those of the servers."""
        for folder in folders:
            (folder / COLLECTION).unlink(missing_ok=True)

    def delete_shared_settings(self, environment: str) -> None:
        """Delete the file that all servers of an environment shared in older versions, when none of them runs."""
        (self._home / "secrets" / f"{environment}-collection.json").unlink(missing_ok=True)

    def _describe(self, environment: str) -> Settings | None:
        settings = self._settings
        if not settings.collect_share:
            return None
        place, uploader = self.find_place(environment), () if self._is_folder() else UPLOADER
        where = {"folder": str(place.folder), "url": place.url, "uploader": uploader}
        return describe_collection(settings, self._secrets.get_secret, **where)

    def _is_folder(self) -> bool:
        url = self._settings.collect_url
        return not url or url.startswith(("/", FILE))

    def _check_url(self) -> None:
        url, source = self._settings.collect_url, self._settings.name("collect_url")
        if said := describe_host(url):
            raise UsageError(f"{source} is {url!r}, but {said}")
        if not self._is_folder() and "://" not in url:
            raise UsageError(f"{source} is {url!r}. Write an absolute path, or a URL such as az://container/path.")
        if not self._is_folder():
            require_file(url, source)
