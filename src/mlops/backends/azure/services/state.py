"""The current and earlier deployments of an environment, stored as a blob in the workspace's default container."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.lock import Lease
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.errors import ConflictError
from mlops.files.records import decode_record
from mlops.release.history import Deployment, Deployments


@dataclass(frozen=True)
class AzureDeployment(Deployment):
    """A deployment on Azure, with the `url` of the service and an `example` request as JSON."""

    url: str = ""
    example: str = ""


@dataclass(frozen=True)
class AzureState(Deployments):
    """The deployments of an environment: the current one, and the earlier ones."""

    current: AzureDeployment | None = None
    history: tuple[AzureDeployment, ...] = ()


# Tags of the service cannot replace the blob: `mlops stop` deletes them with the service, and an update of tags is a
# deployment.
class StateBlob:
    """The blob with the current and earlier deployments of an environment.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace.
    environment : str
        The environment: "qa" or "production".
    lease : Lease, optional
        The lock of the environment, held by the caller; None if the caller only reads.
    """

    def __init__(self, session: AzureSession, environment: str, lease: Lease | None = None) -> None:
        self._lease = lease
        self._name = f"mlops/services/{environment}.json"
        self._session = session
        self._etag: str | None = None

    def read(self) -> AzureState:
        """Return the deployments of the environment; empty before the first deployment.

        Raises
        ------
        IntegrityError
            If the blob is damaged.
        """
        from azure.core.exceptions import ResourceNotFoundError

        with explain_refusals(self._session, f"read {self._name}"):
            try:
                found = self._blob.download_blob()
                content, self._etag = found.readall(), found.properties.etag
            except ResourceNotFoundError:
                self._etag = None
                return AzureState()
        advice = "Restore an older version, or delete the blob to start over."
        return decode_record(content, AzureState, f"The blob {self._name}", advice)

    def write(self, state: AzureState) -> None:
        """Write the deployments of the environment. The caller must first have called `read` on this object.

        Raises
        ------
        ConflictError
            If another process has written the blob since this object read it.
        LostLockError
            If another process may hold the lock of the environment now.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

        if self._lease:
            self._lease.check()
        unchanged = {"etag": self._etag, "match_condition": MatchConditions.IfNotModified}
        options: dict[str, Any] = {"overwrite": True, **unchanged} if self._etag else {"overwrite": False}
        content = json.dumps(asdict(state), indent=1).encode()
        with explain_refusals(self._session, f"write {self._name}"):
            try:
                written = self._blob.upload_blob(content, **options)
            except (ResourceExistsError, ResourceModifiedError) as error:
                raise ConflictError(
                    f"Another process changed the blob {self._name} in the meantime. Check `mlops status --platform "
                    "azure`, then try again."
                ) from error
        self._etag = written["etag"]

    @property
    def _blob(self) -> Any:
        return open_container(self._session).get_blob_client(self._name)
