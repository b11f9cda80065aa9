"""The data set: files in the workspace's default datastore, registered as versions of an Azure ML data set.

A version's file is never written again: the first one is at ``dataset_path``, another content goes beside it with its
hash in the name. So the URL of an old version gives the old rows.
"""

import re
import time
from pathlib import Path, PurePosixPath
from typing import Any

from mlops.backends.azure.session import AzureSession
from mlops.backends.base import DatasetVersion
from mlops.errors import NotFoundError, UsageError
from mlops.files import hash_file

RIGHTS_SECONDS = 300.0  # a role that was just assigned takes minutes to count
PAUSE_SECONDS = 10.0
HASH = "sha256"
DATASTORE_URL = re.compile(r"azureml://.*?datastores/(?P<store>[^/]+)/(paths/)?(?P<path>[^*]+[^*/])")


class AzureDatasets:
    """Versions of the data set.

    Parameters
    ----------
    session : AzureSession
        The workspace.
    rights_seconds, pause_seconds : float
        How long to try again while a role that was just assigned does not count yet, and how often.
    """

    def __init__(
        self, session: AzureSession, rights_seconds: float = RIGHTS_SECONDS, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        self._session = session
        self._name = session.settings.dataset
        self._rights_seconds = rights_seconds
        self._pause_seconds = pause_seconds

    def register(self, file: Path) -> DatasetVersion:
        """Upload a file and register it, unless the newest version has its content. See `Infrastructure`."""
        from azureml.core import Dataset

        first = PurePosixPath(self._session.settings.dataset_path)
        if first.suffix != file.suffix:
            raise UsageError(
                f"{file.name} cannot become the data set: azure.dataset_path in parameters/azure.yml is {first}, "
                f"which ends in {first.suffix}; let it end in {file.suffix}"
            )
        workspace = self._session.workspace
        store = workspace.get_default_datastore()
        sha256 = hash_file(file)
        beside = first.with_name(f"{first.stem}-{sha256[:12]}{first.suffix}")
        newest = self._find_newest()
        for path in (first, beside):
            if self._upload(store, str(path), file, sha256):
                break
        if newest and newest.url == locate_blob(store, str(path)):
            return newest
        data = Dataset.File.from_files((store, str(path)), validate=False)
        made = data.register(
            workspace, self._name, description="made by mlops provision", tags={HASH: sha256}, create_new_version=True
        )
        return DatasetVersion(self._name, int(made.version), locate_blob(store, str(path)))

    def find(self, version: str) -> DatasetVersion:
        """Return a version of the data set. See `Infrastructure`.

        Raises
        ------
        NotFoundError
            If there is none.
        UsageError
            If it is not one file in a blob container.
        """
        from azureml.core import Dataset, Datastore
        from azureml.exceptions import UserErrorException

        workspace = self._session.workspace
        try:
            found = Dataset.get_by_name(workspace, self._name, version or "latest")
        except UserErrorException as error:
            raise NotFoundError(
                f"the workspace {workspace.name} has no data set {self._name!r} of version {version or 'latest'!r}: "
                f"the studio lists them, and `mlops provision` registers the first one ({error.message})"
            ) from error
        paths = [url for entry in found._dataflow._to_yaml_dict().get("paths", ()) for url in entry.values()]
        place = DATASTORE_URL.fullmatch(paths[0]) if len(paths) == 1 else None
        if place is None:
            raise UsageError(
                f"the data set {self._name!r} version {found.version} is {', '.join(paths)}; it must be one file in a "
                "datastore: register such a version"
            )
        store = Datastore.get(workspace, place["store"])
        return DatasetVersion(self._name, int(found.version), locate_blob(store, place["path"]))

    def _find_newest(self) -> DatasetVersion | None:
        try:
            return self.find("latest")
        except NotFoundError:
            return None

    def _upload(self, store: Any, path: str, file: Path, sha256: str) -> bool:
        """Write a blob that is not there yet; False if another content is at its place."""
        from azure.core.exceptions import HttpResponseError, ResourceExistsError
        from azure.storage.blob import BlobClient

        account = f"{store.protocol}://{store.account_name}.blob.{store.endpoint}"
        blob = BlobClient(account, store.container_name, path, credential=self._session.credential)
        deadline = time.monotonic() + self._rights_seconds
        while True:
            try:
                blob.upload_blob(file.read_bytes(), metadata={HASH: sha256})
                return True
            except ResourceExistsError:
                return (blob.get_blob_properties().metadata or {}).get(HASH) == sha256
            except HttpResponseError as error:
                if error.status_code != 403 or time.monotonic() > deadline:
                    raise
                time.sleep(self._pause_seconds)


def locate_blob(store: Any, path: str) -> str:
    """Return the URL by which fsspec opens a blob of a datastore."""
    return f"abfs://{store.container_name}@{store.account_name}.dfs.{store.endpoint}/{path}"
