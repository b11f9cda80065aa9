"""Scoring images on one machine: each is a folder named by the digest of its content."""

import json
import os
import shutil
import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops.errors import ImageNotFoundError, IntegrityError
from mlops.files.atomic import sync_folder, write_atomically
from mlops.files.disk import explain_full_disk
from mlops.files.hashes import hash_folder
from mlops.files.records import read_record
from mlops.image.bundle import digest_bundle, verify_bundle
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.record.clock import now
from mlops.serving.workers.warming import EXAMPLE

AGAIN = "Delete it, and create the image again."


@dataclass(frozen=True)
class NewestImage:
    """The newest image of a model version.

    Parameters
    ----------
    digest : str
        The digest of the image.
    identity : str
        The identity of the model version (`ModelVersion.identity`); empty if it is not recorded.
    published : str
        The time when the image was last published, in UTC as ISO 8601; empty if it is not recorded.
    registered : float
        The time when the model was registered, in seconds since 1970; 0 if it is not recorded.
    """

    digest: str
    identity: str = ""
    published: str = ""
    registered: float = 0.0


@dataclass(frozen=True)
class StoredImage:
    """An image in MLOPS_HOME.

    Parameters
    ----------
    digest, folder : str, Path
        The digest and the folder of the image.
    indexes : tuple of Path
        The files that name this image as the newest image of a model version.
    published : str
        The time when the image was last published, in UTC as ISO 8601; empty if it is not recorded.
    """

    digest: str
    folder: Path
    indexes: tuple[Path, ...]
    published: str


class LocalImages:
    """See `mlops.platform.images.Images`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "images"

    def publish(self, bundle: Path, model: ModelVersion) -> Image:
        """See `Images`."""
        digest = digest_bundle(bundle)
        with explain_full_disk(self._folder):
            self._store_once(bundle, digest)
            index = NewestImage(digest, model.identity, now(), model.registered)
            write_atomically(self._index(model), json.dumps(asdict(index)))
        return self.get_image(digest)

    def _store_once(self, bundle: Path, digest: str) -> None:
        target = self._locate(digest)
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
                copy = shutil.copytree(bundle, Path(scratch, "bundle"))
                if not target.is_dir():
                    with suppress(OSError):  # another process stored the same content meanwhile
                        os.rename(copy, target)
            sync_folder(target.parent)
        with suppress(OSError):
            os.utime(target)  # so that `mlops prune` does not regard the image as old
        self.get_image(digest)  # a damaged image is refused before it becomes the newest one

    def get_image(self, digest: str) -> Image:
        """See `Images`."""
        target = self._locate(digest)
        if not target.is_dir():
            raise ImageNotFoundError(f"There is no image {digest} in {self._folder}. Run {IMAGE_NOTEBOOK}.")
        manifest = verify_bundle(target, digest)
        model = manifest["model"]
        return Image(
            manifest["name"],
            digest,
            target.as_uri(),
            model["name"],
            model["version"],
            runtime=manifest.get("runtime", ""),
        )

    def find_image(self, model: ModelVersion) -> Image | None:
        """See `Images`."""
        digest = self.find_digest(model)
        return self.get_image(digest) if digest else None

    def find_digest(self, model: ModelVersion) -> str:
        """Return the digest of a model version's newest image, which may no longer exist; "" if none is recorded."""
        index = self._index(model)
        if not index.exists():
            return ""
        found = read_record(index, NewestImage, AGAIN)
        return found.digest if found.identity in ("", model.identity) else ""

    def find_registered(self, image: Image) -> float:
        """Return when the model of an image was registered, in seconds since 1970; 0 if it is not recorded."""
        with suppress(IntegrityError, FileNotFoundError):
            index = self._index(ModelVersion(image.model_name, image.model_version, "", {}, {}))
            return read_record(index, NewestImage, AGAIN).registered
        return 0.0

    def fetch_bundle(self, image: Image) -> Path:
        """Return the folder with the files of an image, after checking that they are unchanged."""
        self.get_image(image.digest)
        return self._locate(image.digest)

    def list_files(self, image: Image) -> dict[str, str]:
        """See `Images`."""
        return hash_folder(self._locate(image.digest))

    def read_file(self, image: Image, name: str) -> bytes:
        """See `Images`."""
        path = self._locate(image.digest) / name
        return path.read_bytes() if path.is_file() else b""

    def list_stored(self) -> list[StoredImage]:
        """Return all images in MLOPS_HOME."""
        indexes: dict[str, list[Path]] = defaultdict(list)
        published: dict[str, str] = defaultdict(str)
        for index in sorted(self._folder.glob("models/*.json")):
            with suppress(IntegrityError, FileNotFoundError):
                newest = read_record(index, NewestImage, AGAIN)
                indexes[newest.digest].append(index)
                published[newest.digest] = max(published[newest.digest], newest.published)
        folders = {path.name.replace("-", ":", 1): path for path in sorted(self._folder.glob("sha256-*"))}
        return [
            StoredImage(digest, folder, tuple(indexes[digest]), published[digest]) for digest, folder in folders.items()
        ]

    def read_example(self, digest: str) -> str:
        """Return the example request of an image, as JSON text; "" if it cannot be read."""
        path = self._locate(digest) / EXAMPLE
        with suppress(OSError):
            return path.read_bytes().decode(errors="replace").strip()
        return ""

    def _locate(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")

    def _index(self, model: ModelVersion) -> Path:
        return self._folder / "models" / f"{model.name}-{model.version}.json"
