"""Services of a workspace: QA on Container Instances, production on Kubernetes.

An image is deployed by its digest in the registry, so that production gets, byte for byte, what passed in QA. On
Kubernetes what served before serves until the new one is ready; Container Instances restart, so that QA is away for the
time of an update. What fails is put back, by another update; what fails at first is deleted.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mlops.backends.azure.connection.lock import Lease, LeaseLock
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.images.images import AzureImages
from mlops.backends.azure.services.configuration import make_configuration
from mlops.backends.azure.services.state import AzureDeployment, ServiceState, StateBlob
from mlops.backends.azure.services.web_services import (
    DIGEST,
    HEALTHY,
    delete_service,
    find_service,
    list_services,
    name_service,
    submit_service,
    wait_healthy,
    wait_settled,
)
from mlops.errors import ConflictError, DeploymentError, DeploymentNotFoundError, LostLockError, MlopsError
from mlops.platform.images import Image
from mlops.platform.services import ENVIRONMENTS, Health, Service, previous_environment
from mlops.record.clock import now

LOCK_SECONDS = 1200.0  # for another deployment of the environment to end
RESTORE_SECONDS = 600.0


class AzureServices:
    """See `mlops.platform.services.Services`."""

    def __init__(self, session: AzureSession, images: AzureImages) -> None:
        self._session = session
        self._images = images

    def deploy(self, environment: str, image: Image, *, ready_seconds: float, force: bool) -> Service:
        """See `Services`."""
        make_configuration(self._session.settings, environment, {})  # what is wrong is said before anything is sent
        self._require_passed(environment, image)
        with self._lock(environment) as lease:
            blob = StateBlob(self._session, environment, lease)
            state = blob.read()
            service = find_service(self._session, environment)
            named = service is not None and service.name == name_service(self._session.settings, environment)
            same = named and state.current is not None and state.current.digest == image.digest
            if same and not force and _check_health(service, image.digest) == "healthy":
                return _describe(environment, state, service)
            state = self._replace(environment, blob, state, image, ready_seconds)
            return self._look(environment, state)

    def record_test(self, environment: str, digest: str, *, passed: bool) -> Service | None:
        """See `Services`."""
        with self._lock(environment) as lease:
            blob = StateBlob(self._session, environment, lease)
            state = blob.read()
            if state.current is None or state.current.digest != digest:
                return self._look(environment, state) if state.current else None
            state = state.judge(passed=passed)
            blob.write(state)
            if passed or not previous_environment(environment):
                return self._look(environment, state)
            if state.find_previous() is None:
                self._delete(environment)
                return None
            return self._look(environment, self._restore(environment, blob, state))

    def roll_back(self, environment: str) -> Service:
        """See `Services`."""
        with self._lock(environment) as lease:
            blob = StateBlob(self._session, environment, lease)
            state = blob.read()
            if state.current is None or state.find_previous() is None:
                raise DeploymentNotFoundError(
                    f"{environment} has no earlier image that passed its test: nothing to roll back to"
                )
            state = self._restore(environment, blob, state.forget_pass(state.current.digest))  # the next goes further
            return self._look(environment, state)

    def stop(self, environment: str) -> bool:
        """See `Services`: the service is deleted, so that it costs nothing; what it served is remembered."""
        with self._lock(environment):
            return self._delete(environment)

    def end(self, environment: str) -> bool:
        """Delete the service whoever deploys it just now, for all that it stands on goes, too; True if there was one.

        It needs no right to the blobs, which who takes the platform away may not have.
        """
        return self._delete(environment)

    def list_services(self) -> list[Service]:
        """See `Services`."""
        found = []
        for environment in ENVIRONMENTS:
            state = StateBlob(self._session, environment).read()
            if state.current:
                found.append(self._look(environment, state))
        return found

    def _require_passed(self, environment: str, image: Image) -> None:
        before = previous_environment(environment)
        if before and image.digest not in StateBlob(self._session, before).read().passed:
            raise DeploymentError(
                f"{image.name} ({image.digest}) has not passed its test in {before}; {environment} takes nothing else: "
                "run `mlops run release --platform azure`"
            )

    def _restore(self, environment: str, blob: StateBlob, state: ServiceState) -> ServiceState:
        previous = state.find_previous()
        assert previous is not None
        image = self._images.get_image(previous.digest)
        return self._replace(environment, blob, state, image, RESTORE_SECONDS)

    def _replace(
        self, environment: str, blob: StateBlob, state: ServiceState, image: Image, seconds: float
    ) -> ServiceState:
        """Serve `image` in the place of what serves, and remember it; called with the lock held.

        A service that has another name than the settings say serves until the new one is ready.
        """
        record = self._images.get_record(image.digest)
        service, others = self._find_named(environment)
        if service is not None and state.current is None:  # a first deployment that was cut off has left it
            delete_service(self._session, service)
            service = None
        with tempfile.TemporaryDirectory() as folder:
            bundle = self._images.fetch_bundle(record, Path(folder))
            before = state.current if service is not None else None
            try:
                service = self._serve(environment, image, bundle, service, seconds)
                url = service.scoring_uri.removesuffix("/score")
                made = AzureDeployment(
                    image.digest, image.name, image.model_version, now(), url=url, example=record.example
                )
                state = state.serve(made)
                blob.write(state)
            except (ConflictError, LostLockError):  # another deployment may have come: theirs counts, nothing is undone
                raise
            except BaseException as error:
                self._undo(environment, before, error)
                raise
        for other in others:
            delete_service(self._session, other)
        return state

    def _find_named(self, environment: str) -> tuple[Any, list[Any]]:
        """Return the service that has the name in the settings, or None, and those that have another."""
        name = name_service(self._session.settings, environment)
        found = list_services(self._session, environment)
        return next((one for one in found if one.name == name), None), [one for one in found if one.name != name]

    def _serve(self, environment: str, image: Image, bundle: Path, service: Any, seconds: float) -> Any:
        if service is not None:
            wait_settled(self._session, service, seconds)
        service = submit_service(self._session, environment, image, bundle, service)
        wait_healthy(self._session, service, image, seconds)
        return service

    def _undo(self, environment: str, before: AzureDeployment | None, error: BaseException) -> None:
        """Put back what served before a deployment that failed, and delete what nothing served before.

        What cannot be put back is said in a note to `error`.
        """
        service, _ = self._find_named(environment)
        if service is None or (before is not None and _check_health(service, before.digest) == "healthy"):
            return
        if before is None:
            delete_service(self._session, service)
            return
        try:
            record = self._images.get_record(before.digest)
            with tempfile.TemporaryDirectory() as folder:
                bundle = self._images.fetch_bundle(record, Path(folder))
                self._serve(environment, record.image, bundle, service, RESTORE_SECONDS)
        except MlopsError as again:
            error.add_note(f"What served before, {before.image}, could not be put back: {again}")

    def _delete(self, environment: str) -> bool:
        found = list_services(self._session, environment)
        for service in found:
            delete_service(self._session, service)
        return bool(found)

    def _look(self, environment: str, state: ServiceState) -> Service:
        return _describe(environment, state, find_service(self._session, environment))

    @contextmanager
    def _lock(self, environment: str) -> Iterator[Lease]:
        lock = LeaseLock(self._session, f"services/{environment}", wait_seconds=LOCK_SECONDS)
        with ExitStack() as stack:
            with explain_refusals(self._session, f"take the lock of {environment}"):
                lease = stack.enter_context(lock.hold())
            yield lease


def _describe(environment: str, state: ServiceState, service: Any) -> Service:
    current = state.current
    assert current is not None
    return Service(
        environment=environment,
        url=current.url,
        digest=current.digest,
        health=_check_health(service, current.digest),
        image=current.image,
        model_version=current.model_version,
        deployed=current.deployed,
        tested=current.tested,
        example=current.example,
    )


def _check_health(service: Any, digest: str) -> Health:
    """Return the health of a service as the one of an image: as Azure knows it."""
    if service is None:
        return "stopped"
    serves = service.state == HEALTHY and (service.tags or {}).get(DIGEST) == digest
    return "healthy" if serves else "unhealthy"
