"""Scoring images in memory, found by the digest of their content."""

import tempfile
from pathlib import Path

from mlops.backends.memory.contents import Contents, read_folder, write_folder
from mlops.errors import ImageNotFoundError
from mlops.files.hashes import hash_content
from mlops.image.bundle import digest_bundle, verify_bundle
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.serving.workers.warming import EXAMPLE


class MemoryImages:
    """See `mlops.platform.images.Images`."""

    def __init__(self) -> None:
        self._bundles: dict[str, Contents] = {}
        self._newest: dict[str, str] = {}  # the digest of the newest image, by the identity of its model version

    def publish(self, bundle: Path, model: ModelVersion) -> Image:
        """See `Images`."""
        digest = digest_bundle(bundle)
        verify_bundle(bundle, digest)
        self._bundles.setdefault(digest, read_folder(bundle))
        self._newest[model.identity] = digest
        return self.get_image(digest)

    def get_image(self, digest: str) -> Image:
        """See `Images`."""
        with tempfile.TemporaryDirectory() as scratch:
            manifest = verify_bundle(self.fetch_bundle(digest, Path(scratch, "bundle")), digest)
        model = manifest["model"]
        return Image(
            manifest["name"],
            digest,
            f"memory://{digest}",
            model["name"],
            model["version"],
            runtime=manifest.get("runtime", ""),
        )

    def list_files(self, image: Image) -> dict[str, str]:
        """See `Images`."""
        found = self._find(image.digest)
        return {name: hash_content(found[name]) for name in sorted(found)}

    def read_file(self, image: Image, name: str) -> bytes:
        """See `Images`."""
        return self._find(image.digest).get(name, b"")

    def find_image(self, model: ModelVersion) -> Image | None:
        """See `Images`."""
        digest = self._newest.get(model.identity)
        return self.get_image(digest) if digest else None

    def fetch_bundle(self, digest: str, folder: Path) -> Path:
        """Replace everything in `folder` with the files of an image, and return the folder."""
        return write_folder(self._find(digest), folder)

    def read_example(self, digest: str) -> str:
        """Return the example request of an image, as JSON text."""
        return self._find(digest)[EXAMPLE].decode().strip()

    def _find(self, digest: str) -> Contents:
        if digest not in self._bundles:
            raise ImageNotFoundError(f"There is no image {digest} in memory. Run {IMAGE_NOTEBOOK}.")
        return self._bundles[digest]
