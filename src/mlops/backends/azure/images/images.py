"""Scoring images in the workspace's Container Registry, built there by Azure Machine Learning.

An image's repository is its model's name; its tag is made of what goes into it, so that the same is never built twice.
What the registry built is known by its digest, and deployed by it.
"""

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlops.backends.azure.connection.lock import LeaseLock
from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.images.records import ImageRecord, ImageStore
from mlops.backends.azure.images.sdk_environments import make_build_environment, make_inference_configuration
from mlops.errors import ImageNotFoundError, PlatformError, UsageError
from mlops.files.records import read_record
from mlops.image.bundle import EXAMPLE, MANIFEST, digest_bundle, verify_bundle
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion

if TYPE_CHECKING:
    from azure.containerregistry import ContainerRegistryClient

REPOSITORY = re.compile("[a-z0-9]+([._-]+[a-z0-9]+)*")  # the registry's rule
DIGEST = re.compile("sha256:[0-9a-f]{64}")
BUILD_WAIT_SECONDS = 3600.0  # for another's build of the same model's image
LOG_LINES = 20


class SdkPackage(Protocol):
    """An image that is being built: ``azureml.core.model.ModelPackage``."""

    package_build_log_uri: str

    def get_logs(self) -> str:
        """Return the log of the build."""


class AzureImages:
    """See `mlops.platform.images.Images`."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._store = ImageStore(session)
        self._host = ""
        self._records: dict[str, ImageRecord] = {}

    def publish(self, bundle: Path, model: ModelVersion) -> Image:
        """See `Images`: built once for the same bundle and packages, however often it is tried."""
        repository = _name_repository(model.name)
        verify_bundle(bundle, digest_bundle(bundle))
        environment = make_build_environment(f"{repository}-scoring", bundle)
        label = _make_label(bundle, environment)
        with explain_refusals(self._session, f"make the image {model.name}:{model.version}"), self._lock(model).hold():
            known = self._store.read_model(model)
            digest = self._find_digest(repository, label)
            if digest is None:
                self._build(bundle, model, environment, repository, label)
                digest = self._find_digest(repository, label)
            if digest is None:
                raise PlatformError(
                    f"Azure built {repository}:{label}, but the registry {self._registry} does not have it; try again"
                )
            record = self._make_record(bundle, model, repository, digest)
            if known.newest != digest:
                self._store.write(record, model, bundle)
        self._records[digest] = record
        return record.image

    def get_image(self, digest: str) -> Image:
        """See `Images`: the registry answers for what is in it, by digest."""
        return self.get_record(digest).image

    def get_record(self, digest: str) -> ImageRecord:
        """Return all that is known of an image, see `get_image`."""
        with explain_refusals(self._session, f"look up the image {digest}"):
            record = self._store.read_image(digest) if DIGEST.fullmatch(digest) else None
            if record is None:
                raise ImageNotFoundError(f"There is no image {digest} in this workspace. Run 05_create_image.")
            if not self._is_stored(record.repository, digest):
                raise ImageNotFoundError(f"The image {digest} is no longer in {self._registry}. Run 05_create_image.")
        self._records[digest] = record
        return record

    def find_record(self, image: Image) -> ImageRecord:
        """Return all that is known of an image, without asking Azure again for one that was read or published here.

        An image never changes, because its digest is that of its content.
        """
        return self._records.get(image.digest) or self.get_record(image.digest)

    def find_image(self, model: ModelVersion) -> Image | None:
        """See `Images`."""
        with explain_refusals(self._session, f"look up the image of {model.name}:{model.version}"):
            newest = self._store.read_model(model).newest
        return self.get_image(newest) if newest else None

    def list_files(self, image: Image) -> list[str]:
        """See `Images`: those of the bundle; Azure's base image and the packages are not among them."""
        return list(self.find_record(image).files)

    def fetch_bundle(self, record: ImageRecord, folder: Path) -> Path:
        """Copy the files that an image is made of to `folder`, after checking that they are unchanged."""
        with explain_refusals(self._session, f"fetch the bundle of {record.image.name}"):
            return self._store.fetch_bundle(record, folder)

    def _lock(self, model: ModelVersion) -> LeaseLock:
        name = f"images/{model.name}/{model.version}"
        return LeaseLock(self._session, name, wait_seconds=BUILD_WAIT_SECONDS)

    def _build(self, bundle: Path, model: ModelVersion, environment: object, repository: str, label: str) -> None:
        from azureml.core import Model
        from azureml.exceptions import WebserviceException

        workspace = self._session.workspace
        with tempfile.TemporaryDirectory() as scratch:
            source = shutil.copytree(bundle, Path(scratch, "bundle"))  # its name is the folder's in the image
            package = Model.package(
                workspace,
                [Model(workspace, model.name, version=model.version, expand=False)],
                make_inference_configuration(source, environment),
                image_name=repository,
                image_label=label,
            )
        try:
            package.wait_for_creation()
        except WebserviceException as error:
            raise PlatformError(
                f"Azure could not build the image {repository}:{label}: {' '.join(error.message.split())}\n"
                f"{_describe_log(package)}"
            ) from error

    def _make_record(self, bundle: Path, model: ModelVersion, repository: str, digest: str) -> ImageRecord:
        manifest = read_record(bundle / MANIFEST, dict[str, Any])
        url = f"{self._registry}/{repository}@{digest}"
        return ImageRecord(
            image=Image(manifest["name"], digest, url, model.name, model.version),
            repository=repository,
            bundle=digest_bundle(bundle),
            files=tuple(sorted([*manifest["files"], MANIFEST])),
            example=(bundle / EXAMPLE).read_text(encoding="utf-8").strip(),
        )

    def _find_digest(self, repository: str, label: str) -> str | None:
        """Return the digest of what the registry has under a tag."""
        from azure.core.exceptions import ResourceNotFoundError

        if not self._registry:
            return None
        try:
            return str(self._client.get_tag_properties(repository, label).digest)
        except ResourceNotFoundError:
            return None

    def _is_stored(self, repository: str, digest: str) -> bool:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            self._client.get_manifest_properties(repository, digest)
        except ResourceNotFoundError:
            return False
        return True

    @property
    def _client(self) -> "ContainerRegistryClient":
        """The registry's client; it retries three times by itself."""
        from azure.containerregistry import ContainerRegistryClient

        url = f"https://{self._registry}"
        return ContainerRegistryClient(url, self._session.credential, **self._session.client_options)

    @property
    def _registry(self) -> str:
        """The registry's host; empty while the workspace has none, because Azure may create it with the first image."""
        if not self._host:
            self._host = _name_registry(self._session)
        return self._host


def _name_registry(session: AzureSession) -> str:
    resource = session.workspace.get_details().get("containerRegistry")
    return f"{resource.rsplit('/', 1)[-1].lower()}.azurecr.io" if resource else ""


def _name_repository(model: str) -> str:
    name = model.lower()
    if not REPOSITORY.fullmatch(name):
        raise UsageError(
            f"{model!r} cannot name a repository of Container Registry: the model's name must begin and end with a "
            "letter or digit"
        )
    return name


def _make_label(bundle: Path, environment: object) -> str:
    """Return the tag of an image: what is in the bundle, and what it is built with."""
    from azureml.core import Environment

    packages = json.dumps(Environment._serialize_to_dict(environment), sort_keys=True)
    return f"{digest_bundle(bundle)[7:19]}-{hashlib.sha256(packages.encode()).hexdigest()[:12]}"


def _describe_log(package: SdkPackage) -> str:
    """Say where the log of a build is, without the signature that opens it, and how it ends."""
    lines = str(package.get_logs()).rstrip().splitlines()[-LOG_LINES:]
    address = str(package.package_build_log_uri).split("?")[0]
    return "\n".join([f"The whole log is at {address}. It ends:", *lines])
