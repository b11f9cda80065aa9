"""The data set: files in the workspace's default datastore, registered as versions of an Azure ML data set."""

import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mlops.backends.azure.connection.answers import find_status
from mlops.backends.azure.connection.container import open_blob
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.retries import repeat
from mlops.backends.azure.connection.sdk_objects import SdkDatastore
from mlops.backends.azure.connection.session import AzureSession
from mlops.data.content import pack_file, read_header
from mlops.data.listing import split_name
from mlops.errors import DatasetNotFoundError, UsageError
from mlops.files.hashes import hash_file
from mlops.platform.datasets import LATEST, DatasetVersion

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

RIGHTS_SECONDS = 300.0  # because it takes minutes until a newly assigned role has an effect
PAUSE_SECONDS = 10.0
HASH = "sha256"
COLUMNS = "columns"  # in the metadata of a blob, and the prefix of the tags of a version, such as "columns_1"
MOST_METADATA = 7000  # characters of the names of columns; all metadata of a blob can have 8 KB
TAG_LENGTH = 1000  # maximum number of characters of a tag's value
BLOB_URL = re.compile(r"abfs://(?P<container>[^@]+)@(?P<account>[^.]+)\.dfs\.(?P<endpoint>[^/]+)/(?P<path>.+)")
DATASTORE_URL = re.compile(r"azureml://.*?datastores/(?P<store>[^/]+)/(paths/)?(?P<path>[^*]+[^*/])")


class AzureDatasets:
    """See `mlops.platform.datasets.Datasets`.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace.

    Attributes
    ----------
    rights_seconds, pause_seconds : float
        How long to retry an upload that Azure forbids, and the pause before each retry, in seconds.
    """

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self.rights_seconds = RIGHTS_SECONDS
        self.pause_seconds = PAUSE_SECONDS

    @property
    def _name(self) -> str:
        return self._session.settings.require_name("dataset")

    def find_newest(self) -> DatasetVersion | None:
        """See `Datasets`."""
        with explain_refusals(self._session, f"look up the data set {self._name}"):
            return self._find_newest()

    def get_version(self, version: str) -> DatasetVersion:
        """See `Datasets`.

        Raises
        ------
        DatasetNotFoundError
            If the version does not exist.
        UsageError
            If the version does not consist of exactly one file in a datastore.
        """
        return repeat(self._session, f"look up the data set {self._name}", lambda: self._find(version))

    def stage(self, file: Path, sha256: str = "") -> str:
        """See `Datasets`."""
        with pack_file(file, sha256) as (name, packed):
            ending = split_name(name)[1]
            self._check_format(name, ending)
            with explain_refusals(self._session, f"store {file.name} for the data set {self._name}"):
                return self.store(packed, ending)

    def register(self, url: str) -> DatasetVersion:
        """See `Datasets`."""
        return repeat(self._session, f"register the data set {self._name}", lambda: self._register(url))

    def _register(self, url: str) -> DatasetVersion:
        from azureml.core import Dataset

        newest = self._find_newest()
        sha256 = self._read_hash(url)
        if newest and self._read_hash(newest.url) == sha256:
            return newest
        workspace = self._session.workspace
        path = parse_blob(url)["path"]
        data = Dataset.File.from_files((workspace.get_default_datastore(), path), validate=False)
        tags = {HASH: sha256, **_write_tags(self._read_metadata(url).get(COLUMNS, ""))}
        made = data.register(workspace, self._name, description="created by mlops", tags=tags, create_new_version=True)
        return DatasetVersion(self._name, int(made.version), url, _read_tags(tags))

    def store(self, file: Path, ending: str) -> str:
        """Store a file in the workspace's default datastore, and return its URL.

        If the newest version of the data set has the same content, nothing is stored, and the URL of that version is
        returned. `ending` is the ending of the stored file's name, such as ".csv".
        """
        sha256 = hash_file(file)
        newest = self._find_newest()
        if newest and self._read_hash(newest.url) == sha256:
            return newest.url
        store = self._session.workspace.get_default_datastore()
        # The file of a version never changes, so each version has its own file.
        stem, _ = split_name(self._session.settings.require_name("dataset_path"))
        number = newest.version + 1 if newest else 1
        path = f"{stem}{ending}" if number == 1 else f"{stem}-{number}{ending}"
        metadata = {HASH: sha256}
        columns = json.dumps(read_header(file, ending))
        if len(columns) <= MOST_METADATA:
            metadata[COLUMNS] = columns
        while not self._upload(locate_blob(store, path), file, metadata):  # a different file has this name
            number += 1
            path = f"{stem}-{number}{ending}"
        return locate_blob(store, path)

    def _check_format(self, name: str, ending: str) -> None:
        settings = self._session.settings
        first = settings.require_name("dataset_path")
        expected = split_name(first)[1]
        if expected != ending:
            raise UsageError(
                f"{name} cannot become the data set: {settings.name('dataset_path')} is {first}, "
                f"which ends in {expected}. Set a path that ends in {ending}."
            )

    def _find(self, version: str) -> DatasetVersion:
        from azureml.core import Dataset, Datastore
        from azureml.exceptions import UserErrorException

        workspace = self._session.workspace
        try:
            found = Dataset.get_by_name(workspace, self._name, version)
        except UserErrorException as error:
            if find_status(error) not in (0, 404):
                raise
            raise DatasetNotFoundError(
                f"The workspace {workspace.name} has no version {version!r} of the data set {self._name!r} "
                f"({error.message.rstrip('.')}). Choose one that the studio lists, or run `mlops provision --platform "
                "azure` to register the first one."
            ) from error
        paths = [url for entry in found._dataflow._to_yaml_dict().get("paths", ()) for url in entry.values()]
        place = DATASTORE_URL.fullmatch(paths[0]) if len(paths) == 1 else None
        if place is None:
            raise UsageError(
                f"Version {found.version} of the data set {self._name!r} consists of {', '.join(paths)}, but must be "
                "one file in a datastore. Register a version with one file."
            )
        store = Datastore.get(workspace, place["store"])
        url = locate_blob(store, unquote(place["path"]))
        return DatasetVersion(self._name, int(found.version), url, _read_tags(found.tags or {}))

    def _find_newest(self) -> DatasetVersion | None:
        try:
            return self._find(LATEST)
        except DatasetNotFoundError:
            return None

    def _upload(self, url: str, file: Path, metadata: dict[str, str]) -> bool:
        """Write a file to the blob at `url`. Return False if the blob already has different content, otherwise True."""
        from azure.core.exceptions import HttpResponseError, ResourceExistsError

        blob = self._open_blob(url)
        deadline = time.monotonic() + self.rights_seconds
        with explain_refusals(self._session, f"write {url}"):
            while True:
                try:
                    with file.open("rb") as content:
                        blob.upload_blob(content, metadata=metadata)
                    return True
                except ResourceExistsError:
                    return self._read_hash(url) == metadata[HASH]
                except HttpResponseError as error:
                    if error.status_code != 403 or time.monotonic() > deadline:
                        raise
                    time.sleep(self.pause_seconds)

    def _read_hash(self, url: str) -> str:
        noted = self._read_metadata(url).get(HASH)
        return noted or _hash_chunks(self._open_blob(url).download_blob().chunks())

    def _read_metadata(self, url: str) -> Mapping[str, str]:
        return self._open_blob(url).get_blob_properties().metadata or {}

    def _open_blob(self, url: str) -> "BlobClient":
        place = parse_blob(url)
        account = f"https://{place['account']}.blob.{place['endpoint']}"
        return open_blob(self._session, account, place["container"], place["path"])


def _hash_chunks(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _write_tags(columns: str) -> dict[str, str]:
    parts = range(0, len(columns), TAG_LENGTH)
    return {f"{COLUMNS}_{n}": columns[start : start + TAG_LENGTH] for n, start in enumerate(parts, 1)}


def _read_tags(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns named in the tags; empty if the data was registered by hand or by an older `mlops`."""
    parts = [tags[name] for n in range(1, len(tags) + 1) if (name := f"{COLUMNS}_{n}") in tags]
    try:
        return tuple(json.loads("".join(parts) or "[]"))
    except ValueError:  # a person edited the tags
        return ()


def parse_blob(url: str) -> dict[str, str]:
    """Return the container, account, endpoint and path in the ``abfs://`` URL of a blob."""
    place = BLOB_URL.fullmatch(url)
    assert place is not None, url
    return place.groupdict()


def locate_blob(store: SdkDatastore, path: str) -> str:
    """Return the ``abfs://`` URL of the blob `path` in a datastore."""
    return f"abfs://{store.container_name}@{store.account_name}.dfs.{store.endpoint}/{path}"
