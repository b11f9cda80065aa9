"""Services that run scoring images: QA on Container Instances, production on Kubernetes."""

# During an update, QA does not answer, and production answers with the previous image.

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mlops.backends.azure.connection.lock import Lease, LeaseLock
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.images.images import AzureImages
from mlops.backends.azure.images.records import ImageRecord
from mlops.backends.azure.services.collections import AzureCollections
from mlops.backends.azure.services.configuration import collects, list_of_service, make_configuration
from mlops.backends.azure.services.sdk_objects import WebService
from mlops.backends.azure.services.state import AzureDeployment, AzureState, StateBlob
from mlops.backends.azure.services.web_services import (
    DIGEST,
    HEALTHY,
    delete_service,
    list_services,
    name_service,
    rotate_keys,
    submit_service,
    wait_healthy,
    wait_settled,
)
from mlops.backends.collecting import describe_key
from mlops.platform.images import Image
from mlops.platform.services import NO_DECISION, NO_PERMISSIONS, Decision, Health, Permissions, Service
from mlops.record.clock import now
from mlops.release.policy import Releases
from mlops.serving.identity import REGISTERED

LOCK_SECONDS = 1200.0  # time limit for waiting for another deployment of the environment


class AzureServices(Releases[AzureState]):
    """See `mlops.platform.services.Services`."""

    def __init__(
        self, session: AzureSession, images: AzureImages, collections: AzureCollections, command_options: str = ""
    ) -> None:
        self._session = session
        self._azure = AzureHost(session, images, collections, command_options)
        super().__init__(self._azure, images.get_image)

    def deploy(
        self,
        environment: str,
        image: Image,
        *,
        ready_seconds: float,
        force: bool,
        allowed: Permissions = NO_PERMISSIONS,
        decision: Decision = NO_DECISION,
    ) -> Service:
        """See `Services`."""
        make_configuration(self._session.settings, environment, {})  # raises an error if a setting is wrong
        return super().deploy(
            environment, image, ready_seconds=ready_seconds, force=force, allowed=allowed, decision=decision
        )

    def end(self, environment: str) -> bool:
        """Delete an environment's service without taking the environment's lock. Return whether the service existed."""
        # The lock is a blob, which the owner of a subscription might not be allowed to read.
        return self._azure.look(environment).end()


class AzureHost:
    """See `mlops.release.host.Host`."""

    restore_seconds = 600.0

    def __init__(
        self, session: AzureSession, images: AzureImages, collections: AzureCollections, command_options: str
    ) -> None:
        self.command_options = command_options
        self._session = session
        self._images = images
        self._collections = collections

    def look(self, environment: str) -> "AzureSite":
        """See `Host`."""
        return AzureSite(self._session, self._images, self._collections, environment)

    @contextmanager
    def lock(self, environment: str) -> Iterator["AzureSite"]:
        """See `Host`."""
        lock = LeaseLock(self._session, f"services/{environment}", wait_seconds=LOCK_SECONDS)
        with ExitStack() as stack:
            with explain_refusals(self._session, f"take the lock of {environment}"):
                lease = stack.enter_context(lock.hold())
            yield AzureSite(self._session, self._images, self._collections, environment, lease)


class AzureSite:
    """See `mlops.release.host.Site`.

    Parameters
    ----------
    session, images, collections : AzureSession, AzureImages, AzureCollections
        The connection to the workspace, its scoring images, and what its services collect.
    environment : str
        The environment: "qa" or "production".
    lease : Lease, optional
        The lock of the environment, held by the caller; None if the caller only reads.
    """

    def __init__(
        self,
        session: AzureSession,
        images: AzureImages,
        collections: AzureCollections,
        environment: str,
        lease: Lease | None = None,
    ) -> None:
        self._session = session
        self._images = images
        self._collections = collections
        self._environment = environment
        self._name = name_service(session.settings, environment)
        self._blob = StateBlob(session, environment, lease)
        self._listed: list[WebService] | None = None
        self._submitted = False
        self._updated = False

    def read(self) -> AzureState:
        """See `mlops.release.host.View`."""
        return self._blob.read()

    def write(self, state: AzureState) -> None:
        """See `Site`."""
        self._blob.write(state)

    def matches_settings(self, state: AzureState) -> bool:
        """See `Site`."""
        # Azure chooses the address and the keys, so only the name can differ.
        return self._find_named() is not None

    def list_settings(self) -> dict[str, str]:
        """See `mlops.release.host.View`."""
        settings = self._session.settings
        key = describe_key(settings, self._collections.find_key) if collects(settings, self._environment) else {}
        return {**list_of_service(settings, self._environment), **key}

    def accepts_keys(self, state: AzureState) -> bool:
        """See `mlops.release.host.View`."""
        return True

    @contextmanager
    def replace_keys(self, *, keep_primary: bool) -> Iterator[bool]:
        """See `Site`."""
        rotate_keys(self._session, self._environment)
        yield True

    def serve(self, state: AzureState, image: Image, ready_seconds: float) -> AzureState:
        """See `Site`."""
        record = self._images.find_record(image)
        service = self._find_named()
        if service is not None and state.current is None:
            self._delete(service)  # the first deployment was interrupted before its state was written
            service = None
        self._updated = service is not None
        service = self._deploy_and_wait(record, service, ready_seconds)
        url = service.scoring_uri.removesuffix("/score")
        return state.serve(
            AzureDeployment(image.digest, image.name, image.model_version, now(), url=url, example=record.example)
        )

    def put_back(self, state: AzureState) -> None:
        """See `Site`."""
        if not self._submitted:
            return  # nothing has changed yet
        self._listed = None  # because the failed deployment may have changed the services
        service = self._find_named()
        if service is None:
            return
        if not self._updated or state.current is None:
            self._delete(service)
        elif _check_health(service, state.current.digest) != "healthy":
            record = self._images.get_record(state.current.digest)
            self._deploy_and_wait(record, service, AzureHost.restore_seconds)

    def retire(self, state: AzureState) -> None:
        """See `Site`."""
        for service in self._list_others():
            self._delete(service)

    def end(self) -> bool:
        """See `Site`."""
        found = list(self._list_own_first())
        for service in found:
            self._delete(service)
        return bool(found)

    def describe(self, state: AzureState) -> Service:
        """See `mlops.release.host.View`."""
        current = state.current
        assert current is not None
        health = _check_health(next(iter(self._list_own_first()), None), current.digest)
        return state.describe(self._environment, current.url, health, current.example)

    def quote_log(self, state: AzureState) -> str:
        """See `mlops.release.host.View`. Always returns "", because Azure might not answer a request for the log."""
        return ""

    def _deploy_and_wait(self, record: ImageRecord, service: WebService | None, seconds: float) -> WebService:
        with tempfile.TemporaryDirectory() as folder:
            bundle = self._images.fetch_bundle(record, Path(folder))
            registered = {REGISTERED: str(record.registered)}
            variables = {**self._collections.list_variables(self._environment), **registered}
            self._submitted = True
            if service is not None:
                wait_settled(self._session, service, seconds)
            service = submit_service(self._session, self._environment, record.image, bundle, service, variables)
        wait_healthy(self._session, service, record.image, seconds)
        self._listed = [service, *self._list_others()]
        return service

    def _delete(self, service: WebService) -> None:
        delete_service(self._session, service)
        self._listed = [other for other in self._list_own_first() if other.name != service.name]

    def _list_own_first(self) -> list[WebService]:
        if self._listed is None:
            self._listed = list_services(self._session, self._environment)
        return self._listed

    def _find_named(self) -> WebService | None:
        return next((service for service in self._list_own_first() if service.name == self._name), None)

    def _list_others(self) -> list[WebService]:
        return [service for service in self._list_own_first() if service.name != self._name]


def _check_health(service: WebService | None, digest: str) -> Health:
    if service is None:
        return "stopped"
    serves = service.state == HEALTHY and (service.tags or {}).get(DIGEST) == digest
    return "healthy" if serves else "unhealthy"
