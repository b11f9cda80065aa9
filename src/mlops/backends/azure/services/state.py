"""The state of an environment's service: a blob in the workspace's default container.

Only the holder of the environment's lock writes the blob, and only if the blob's etag is unchanged. So all machines see
the same state. The service's own tags are not used for two reasons: `mlops stop` deletes the service with its tags, and
an update of tags is a deployment, which can break the service.
"""

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
    """A deployment that also records the `url` of the service and an `example` request; see `Service.example`."""

    url: str = ""
    example: str = ""


@dataclass(frozen=True)
class AzureState(Deployments):
    """The state of one environment."""

    current: AzureDeployment | None = None
    history: tuple[AzureDeployment, ...] = ()


class StateBlob:
    """The blob with the state of one environment.

    Parameters
    ----------
    session : AzureSession
        The workspace, whose default container has the blob.
    environment : str
        The environment.
    lease : Lease, optional
        The held lock of the environment, which is needed only to write.
    """

    def __init__(self, session: AzureSession, environment: str, lease: Lease | None = None) -> None:
        self._lease = lease
        self._name = f"mlops/services/{environment}.json"
        self._session = session
        self._etag: str | None = None

    def read(self) -> AzureState:
        """Return the state, which is empty before the first deployment.

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
        advice = "Restore an older version, or delete it to start over."
        return decode_record(content, AzureState, f"The blob {self._name}", advice)

    def write(self, state: AzureState) -> None:
        """Write the state, unless another process has written it since this object last read it.

        Raises
        ------
        ConflictError
            If another process has written the state in the meantime.
        LostLockError
            If another process may now hold the environment's lock.
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
