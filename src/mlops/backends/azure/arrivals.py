"""New data: files in a watched folder of the workspace's default datastore."""

import hashlib
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.retries import repeat
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.datasets import AzureDatasets
from mlops.backends.azure.submitted.history import SubmittedRuns
from mlops.data.listing import FORMATS, split_name
from mlops.errors import DatasetNotFoundError, RunNotFoundError, UsageError
from mlops.pipelines.advice import DATA_PARAMETER
from mlops.platform.datasets import Arrival

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties, ContainerClient

INSTEAD = (
    "Combine its files into one file, or register the subfolder with `mlops provision --platform azure -p "
    f"{DATA_PARAMETER}=FOLDER`."
)


class AzureArrivals:
    """See `mlops.platform.datasets.Arrivals`.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace.
    datasets : AzureDatasets
        The versions of the data set.
    """

    def __init__(self, session: AzureSession, datasets: AzureDatasets) -> None:
        self._session = session
        self._datasets = datasets
        self._runs = SubmittedRuns(session)

    def fetch_newest(self, run_id: str) -> Arrival:
        """See `Arrivals`.

        Raises
        ------
        DatasetNotFoundError
            If no file has arrived.
        UsageError
            If no folder is watched.
        """
        return repeat(self._session, "look for new data", lambda: self._fetch(run_id))

    def _fetch(self, run_id: str) -> Arrival:
        folder = self._session.settings.data_trigger_path.rstrip("/")
        if not folder:
            raise UsageError(
                "No folder is watched for new data. Set azure.data_trigger_path in parameters/azure.yml, run `mlops "
                "publish --platform azure`, and put a file into that folder."
            )
        container = open_container(self._session)
        # Azure does not watch subfolders, so a folder of Parquet files cannot arrive.
        found = list(container.walk_blobs(name_starts_with=f"{folder}/"))
        arrived = [blob for blob in found if blob.name.endswith(FORMATS)]
        if not arrived:
            inside = next((blob.name for blob in found if blob.name.endswith("/")), "")
            hint = f" Azure does not watch the subfolder {inside}. {INSTEAD}" if inside else ""
            raise DatasetNotFoundError(
                f"There is no new data: the folder {folder} of the container {container.container_name} in the storage "
                f"account {container.account_name} has no file that ends in {', '.join(FORMATS)}.{hint}"
            )
        newest = max(arrived, key=lambda blob: blob.last_modified)
        # Azure starts one run per changed file, so several runs can find the same newest file.
        holder = self._claim_or_find_holder(container, newest, run_id)
        if holder != run_id:
            return Arrival(newest.name, taken_by=holder)
        # a copy, because the original can be overwritten at any time
        with NamedTemporaryFile(prefix="mlops-data-") as copy:
            container.download_blob(newest.name).readinto(copy)
            copy.flush()
            return Arrival(newest.name, self._datasets.store(Path(copy.name), split_name(newest.name)[1]))

    def _claim_or_find_holder(self, container: "ContainerClient", file: "BlobProperties", run_id: str) -> str:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

        # The etag differs each time the file is written, so a new version of the file can be claimed again.
        written = hashlib.sha256(f"{file.name} {file.etag}".encode()).hexdigest()
        # Azure would treat a change of the file's metadata as new data, so the claim is another blob.
        note = container.get_blob_client(f"mlops/arrivals/{written}")
        try:
            note.upload_blob(run_id.encode())
            return run_id
        except ResourceExistsError:
            found = note.download_blob()
            holder = found.readall().decode()
        if holder == run_id or not self._has_failed_before(holder, run_id):
            return holder
        try:
            etag = found.properties.etag
            note.upload_blob(run_id.encode(), overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
            return run_id
        except ResourceModifiedError:
            return note.download_blob().readall().decode()

    def _has_failed_before(self, holder: str, run_id: str) -> bool:
        try:
            found = self._runs.get_run(holder)
        except RunNotFoundError:
            return True
        return found.state in ("failed", "canceled") and found.finished < self._runs.get_run(run_id).started
