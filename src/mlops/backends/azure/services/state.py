"""What is remembered of an environment's service: a blob in the workspace's default container.

Not in the service's own tags or properties: they are deleted with a stopped service, an update of them is a deployment
to Azure, which can break what serves, and properties can never be changed. The blob is written only if it is still
the one that was read (its etag), by the holder of the environment's lock, so every machine sees the same.
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
    """A deployment at `url`; `example` as in `Service`."""

    url: str = ""
    example: str = ""


@dataclass(frozen=True)
class AzureState(Deployments):
    """One environment."""

    current: AzureDeployment | None = None
    history: tuple[AzureDeployment, ...] = ()


class StateBlob:
    """The state of one environment, as it was read last; see the module.

    Parameters
    ----------
    session : AzureSession
        Whose container.
    environment : str
        Of which environment.
    lease : Lease, optional
        The environment's lock; needed to write.
    """

    def __init__(self, session: AzureSession, environment: str, lease: Lease | None = None) -> None:
        self._lease = lease
        self._name = f"mlops/services/{environment}.json"
        self._session = session
        self._etag: str | None = None

    def read(self) -> AzureState:
        """Read the state; empty before the first deployment.

        Raises
        ------
        IntegrityError
            If the blob does not hold one.
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
        """Write the state in the place of the one that was read.

        Raises
        ------
        ConflictError
            If somebody else has written meanwhile.
        LostLockError
            If somebody else may have the environment's lock by now.
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
                    f"Somebody else has changed {self._name} meanwhile. See `mlops status --platform azure`."
                ) from error
        self._etag = written["etag"]

    @property
    def _blob(self) -> Any:
        return open_container(self._session).get_blob_client(self._name)
