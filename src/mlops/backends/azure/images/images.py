"""Scoring images, which Azure Machine Learning builds and stores in the workspace's Container Registry."""

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
from mlops.files.hashes import hash_folder
from mlops.files.records import read_record
from mlops.image.bundle import digest_bundle, verify_bundle
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.serving.identity import MANIFEST
from mlops.serving.workers.warming import EXAMPLE

if TYPE_CHECKING:
    from azure.containerregistry import ContainerRegistryClient

REPOSITORY = re.compile("[a-z0-9]+([._-]+[a-z0-9]+)*")  # the registry's rule for the names of repositories
DIGEST = re.compile("sha256:[0-9a-f]{64}")
BUILD_WAIT_SECONDS = 3600.0  # time limit for waiting for another process that builds an image of the same model
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
        """See `Images`."""
        repository = name_repository(model.name)
        verify_bundle(bundle, digest_bundle(bundle))
        environment = make_build_environment(f"{repository}-scoring", bundle)
        label = _make_tag(bundle, environment)
        with (
            explain_refusals(self._session, f"create the image {model.name}:{model.version}"),
            self._lock(model).hold(),
        ):
            known = self._store.read_model(model)
            digest = self._find_digest(repository, label)
            if digest is None:
                self._build(bundle, model, environment, repository, label)
                digest = self._find_digest(repository, label)
            if digest is None:
                raise PlatformError(
                    f"Azure built {repository}:{label}, but {self._registry} does not have it. "
                    f"Run {IMAGE_NOTEBOOK} again."
                )
            record = self._make_record(bundle, model, repository, digest)
            if known.newest != digest:
                self._store.write(record, model, bundle)
        self._records[digest] = record
        return record.image

    def get_image(self, digest: str) -> Image:
        """See `Images`."""
        return self.get_record(digest).image

    def get_record(self, digest: str) -> ImageRecord:
        """Return the record of the image with this digest.

        Raises
        ------
        ImageNotFoundError
            If there is no record, or the Container Registry no longer has the image.
        """
        with explain_refusals(self._session, f"look up the image {digest}"):
            record = self._store.read_image(digest) if DIGEST.fullmatch(digest) else None
            if record is None:
                raise ImageNotFoundError(f"There is no image {digest} in this workspace. Run {IMAGE_NOTEBOOK}.")
            if not self._is_stored(record.repository, digest):
                raise ImageNotFoundError(f"The image {digest} is no longer in {self._registry}. Run {IMAGE_NOTEBOOK}.")
        self._records[digest] = record
        return record

    def find_record(self, image: Image) -> ImageRecord:
        """Return the record of an image, from memory if it was read before."""
        return self._records.get(image.digest) or self.get_record(image.digest)

    def find_image(self, model: ModelVersion) -> Image | None:
        """See `Images`."""
        with explain_refusals(self._session, f"look up the image of {model.name}:{model.version}"):
            newest = self._store.read_model(model).newest
        return self.get_image(newest) if newest else None

    def list_files(self, image: Image) -> dict[str, str]:
        """See `Images`. Files of Azure's base image and of the installed packages are not listed."""
        record = self.find_record(image)
        if record.hashes:
            return dict(record.hashes)
        with tempfile.TemporaryDirectory() as scratch:  # an older version wrote the record
            return hash_folder(self.fetch_bundle(record, Path(scratch)))

    def read_file(self, image: Image, name: str) -> bytes:
        """See `Images`."""
        with tempfile.TemporaryDirectory() as scratch:
            path = self.fetch_bundle(self.find_record(image), Path(scratch)) / name
            return path.read_bytes() if path.is_file() else b""

    def fetch_bundle(self, record: ImageRecord, folder: Path) -> Path:
        """Copy the files of an image's bundle to `folder`, check that they are unchanged, and return `folder`."""
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
            source = shutil.copytree(bundle, Path(scratch, "bundle"))  # the folder's name is also used in the image
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
            image=Image(manifest["name"], digest, url, model.name, model.version, runtime=manifest["runtime"]),
            repository=repository,
            bundle=digest_bundle(bundle),
            files=tuple(sorted([*manifest["files"], MANIFEST])),
            hashes=hash_folder(bundle),
            example=(bundle / EXAMPLE).read_text(encoding="utf-8").strip(),
            registered=model.registered,
        )

    def _find_digest(self, repository: str, label: str) -> str | None:
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
        from azure.containerregistry import ContainerRegistryClient

        url = f"https://{self._registry}"
        return ContainerRegistryClient(url, self._session.credential, **self._session.client_options)

    @property
    def _registry(self) -> str:
        """The host name of the Container Registry; empty until the first image is built."""
        if not self._host:
            # Azure creates the registry for the first image.
            self._host = _name_registry(self._session)
        return self._host


def _name_registry(session: AzureSession) -> str:
    resource = session.workspace.get_details().get("containerRegistry")
    return f"{resource.rsplit('/', 1)[-1].lower()}.azurecr.io" if resource else ""


def name_repository(model: str) -> str:
    """Return the name of the repository for the images of a model.

    Raises
    ------
    UsageError
        If the registry does not allow the name.
    """
    name = model.lower()
    if not REPOSITORY.fullmatch(name):
        raise UsageError(
            f"The model name {model!r} cannot be the name of a repository in the Container Registry. Choose a name "
            "that begins and ends with a letter or digit."
        )
    return name


def _make_tag(bundle: Path, environment: object) -> str:
    from azureml.core import Environment

    packages = json.dumps(Environment._serialize_to_dict(environment), sort_keys=True)
    return f"{digest_bundle(bundle)[7:19]}-{hashlib.sha256(packages.encode()).hexdigest()[:12]}"


def _describe_log(package: SdkPackage) -> str:
    lines = str(package.get_logs()).rstrip().splitlines()[-LOG_LINES:]
    address = str(package.package_build_log_uri).split("?")[0]
    return "\n".join([f"The whole log is at {address}. It ends:", *lines])
