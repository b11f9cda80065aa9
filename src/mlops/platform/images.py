"""The interface to scoring images, which are stored by digest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlops.platform.models import ModelVersion, name_version

SHOWN_DIGEST = len("sha256:") + 12  # number of characters of a digest that a sentence shows


@dataclass(frozen=True)
class Image:
    """A scoring image, which is named ``<model>:<version>`` and identified by the digest of its content.

    Parameters
    ----------
    name, digest, url : str
        The name, the digest and the address of the image.
    model_name, model_version : str, int
        The model version in the image.
    override : str
        The person who overruled the gate and promoted the model, and the reason; empty if nobody did, or if this is
        not known.
    model_identity : str
        The identity of the model version; empty if it is not known.
    runtime : str
        The runtime of the model, such as "numbers", or "script" if the scoring script loads the model itself; empty for
        images that older versions created.
    """

    name: str
    digest: str
    url: str
    model_name: str
    model_version: int
    override: str = ""
    model_identity: str = ""
    runtime: str = ""

    @property
    def model(self) -> str:
        """The model version in the image: "churn version 2", or "churn version 2 (gate overruled)"."""
        return name_version(self.model_name, self.model_version, self.override)


def add_digest(model: str, digest: str) -> str:
    """Return the name of a model and the start of its image's digest: "churn version 2 (image sha256:0123…)"."""
    return f"{model} (image {digest[:SHOWN_DIGEST]}…)" if digest else model


class Images(Protocol):
    """The store of scoring images, which are identified by digest."""

    def publish(self, bundle: Path, model: ModelVersion) -> Image:
        """Create an image from the files in `bundle`, store it, and return it; called by the notebook 05_create_image.

        Safe to call again: the same files are stored only once.
        """
        ...

    def get_image(self, digest: str) -> Image:
        """Return a stored image after checking that it is unchanged.

        Raises ImageNotFoundError if it does not exist, and IntegrityError if it has changed.
        """
        ...

    def list_files(self, image: Image) -> dict[str, str]:
        """Return the sorted names of an image's files, with their SHA-256; called by the notebook 05_create_image."""
        ...

    def read_file(self, image: Image, name: str) -> bytes:
        """Return the content of a file in an image; empty if the file does not exist. Called by 07_test_service."""
        ...

    def find_image(self, model: ModelVersion) -> Image | None:
        """Return the newest image of a model version, or None; called by the notebook 06_deploy."""
        ...
