"""What is remembered of an environment's service: a blob in the workspace's default container.

Not in the service's own tags or properties: they go when the service is stopped, an update of them is a deployment to
Azure, which can fail what serves, and properties can never be changed. The blob is written only if it is still the one
that was read (its etag), by who holds the environment's lock; so every machine sees the same.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import msgspec

from mlops.backends.azure.artifacts import open_container
from mlops.backends.azure.refusals import explain_refusals
from mlops.backends.azure.session import AzureSession
from mlops.errors import ConflictError, IntegrityError

KEPT = 100  # deployments that are remembered


@dataclass(frozen=True)
class Deployment:
    """An image that was put to serve at `url`; `tested` and `example` as in `Service`."""

    digest: str
    image: str
    model_version: int
    deployed: str
    url: str
    example: str = ""
    tested: Literal["", "passed", "failed"] = ""


@dataclass(frozen=True)
class ServiceState:
    """One environment.

    Parameters
    ----------
    current : Deployment or None
        What serves, or served when the service was stopped.
    history : tuple of Deployment
        What served before, oldest first.
    passed : tuple of str
        Digests that passed their test here.
    """

    current: Deployment | None = None
    history: tuple[Deployment, ...] = ()
    passed: tuple[str, ...] = ()

    def serve(self, deployment: Deployment) -> "ServiceState":
        """Return the state after a deployment."""
        tested: Literal["", "passed"] = "passed" if deployment.digest in self.passed else ""
        before = (*self.history, self.current) if self.current else self.history
        return replace(self, current=replace(deployment, tested=tested), history=before[-KEPT:])

    def judge(self, *, passed: bool) -> "ServiceState":
        """Return the state after the test of what serves."""
        assert self.current is not None
        digest = self.current.digest
        others = tuple(known for known in self.passed if known != digest)
        tested = replace(self.current, tested="passed" if passed else "failed")
        return replace(self, current=tested, passed=(*others, digest)[-KEPT:] if passed else others)

    def forget_pass(self, digest: str) -> "ServiceState":
        """Return the state in which a digest has not passed."""
        return replace(self, passed=tuple(known for known in self.passed if known != digest))

    def find_previous(self) -> Deployment | None:
        """Return what served last of those that passed and are not what serves now."""
        serving = self.current.digest if self.current else ""
        usable = [old for old in self.history if old.digest in self.passed and old.digest != serving]
        return usable[-1] if usable else None


class StateBlob:
    """The state of one environment, as it was read last; see the module."""

    def __init__(self, session: AzureSession, environment: str) -> None:
        self._name = f"mlops/services/{environment}.json"
        self._session = session
        self._etag: str | None = None

    def read(self) -> ServiceState:
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
                return ServiceState()
        try:
            return msgspec.json.decode(content, type=ServiceState)
        except msgspec.MsgspecError as error:
            raise IntegrityError(
                f"the blob {self._name} is damaged ({error}); restore an older one, or delete it to begin anew"
            ) from error

    def write(self, state: ServiceState) -> None:
        """Write the state in the place of the one that was read.

        Raises
        ------
        ConflictError
            If somebody else has written meanwhile.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

        unchanged = {"etag": self._etag, "match_condition": MatchConditions.IfNotModified}
        options: dict[str, Any] = {"overwrite": True, **unchanged} if self._etag else {"overwrite": False}
        content = json.dumps(asdict(state), indent=1).encode()
        with explain_refusals(self._session, f"write {self._name}"):
            try:
                written = self._blob.upload_blob(content, **options)
            except (ResourceExistsError, ResourceModifiedError) as error:
                raise ConflictError(f"somebody else has changed {self._name} meanwhile: see `mlops status`") from error
        self._etag = written["etag"]

    @property
    def _blob(self) -> Any:
        return open_container(self._session).get_blob_client(self._name)
