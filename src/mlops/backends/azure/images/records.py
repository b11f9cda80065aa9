"""The records of scoring images: blobs in the workspace's default container.

.. code-block:: text

    mlops/bundles/<digest of the bundle>.tar.gz        the content of the image
    mlops/images/<digest in the registry>.json         an image: name, model, bundle, files, example
    mlops/models/<name>/<version>.json                 the newest image of a model version
"""

import io
import json
import tarfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.session import AzureSession
from mlops.errors import IntegrityError
from mlops.files.records import decode_record
from mlops.image.bundle import verify_bundle
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion

Record = TypeVar("Record")


@dataclass(frozen=True)
class ImageRecord:
    """The record of a scoring image.

    Parameters
    ----------
    image : Image
        The name, digest, address and model of the image.
    repository : str
        The repository of the image in the Container Registry.
    bundle : str
        The digest of the bundle, which is the folder with the content of the image.
    files : tuple of str
        The names of the files in the bundle.
    example : str
        An example request to the service, as JSON.
    hashes : dict of str to str
        The SHA-256 of each file; empty in older records.
    registered : float
        The time when the model was registered, in seconds since 1970; 0 in older records.
    """

    image: Image
    repository: str
    bundle: str
    files: tuple[str, ...]
    example: str
    hashes: dict[str, str] = field(default_factory=dict)
    registered: float = 0.0


@dataclass(frozen=True)
class ModelImages:
    """The record of a model version's newest image.

    `newest` is the image's digest. `identity` is the model version's `ModelVersion.identity`. Both can be empty.
    """

    newest: str = ""
    identity: str = ""


class ImageStore:
    """The records of the scoring images of a workspace."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def read_image(self, digest: str) -> ImageRecord | None:
        """Return the record of the image with this digest, or None if there is none."""
        return self._read(f"mlops/images/{digest.removeprefix('sha256:')}.json", ImageRecord)

    def read_model(self, model: ModelVersion) -> ModelImages:
        """Return the record of a model version's newest image; an empty record if there is none."""
        found = self._read(_locate_model(model), ModelImages)
        # Another model can have the same number if the model was deleted.
        return found if found and found.identity in ("", model.identity) else ModelImages()

    def write(self, record: ImageRecord, model: ModelVersion, bundle: Path) -> None:
        """Write the bundle and the records of an image. The caller must hold the lock of the model version."""
        # An image is complete when the last of these blobs exists.
        self._write(_locate_bundle(record.bundle), _pack(bundle))
        self._write(f"mlops/images/{record.image.digest.removeprefix('sha256:')}.json", _encode(record))
        self._write(_locate_model(model), _encode(ModelImages(record.image.digest, model.identity)))

    def fetch_bundle(self, record: ImageRecord, folder: Path) -> Path:
        """Copy the bundle of an image to `folder`, check its digest, and return `folder`.

        Raises
        ------
        IntegrityError
            If the bundle was deleted or has changed.
        """
        packed = self._download(_locate_bundle(record.bundle))
        if packed is None:
            raise IntegrityError(f"The bundle of {record.image.name} was deleted. Run {IMAGE_NOTEBOOK} again.")
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            # Python 3.11.2 of Debian 12 has no filters. The archive is from the project's own storage.
            archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
            archive.extractall(folder)
        verify_bundle(folder, record.bundle)
        return folder

    def _read(self, name: str, kind: type[Record]) -> Record | None:
        content = self._download(name)
        if content is None:
            return None
        return decode_record(content, kind, f"The blob {name}", "Delete it, and create the image again.")

    def _download(self, name: str) -> bytes | None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            content: bytes = open_container(self._session).download_blob(name).readall()
        except ResourceNotFoundError:
            return None
        return content

    def _write(self, name: str, content: bytes) -> None:
        open_container(self._session).upload_blob(name, content, overwrite=True)


def _locate_bundle(digest: str) -> str:
    return f"mlops/bundles/{digest.removeprefix('sha256:')}.tar.gz"


def _locate_model(model: ModelVersion) -> str:
    return f"mlops/models/{model.name}/{model.version}.json"


def _encode(record: ImageRecord | ModelImages) -> bytes:
    return json.dumps(asdict(record), indent=1).encode()


def _pack(bundle: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(bundle, arcname=".")
    return buffer.getvalue()
