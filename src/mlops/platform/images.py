"""The interface to images: scoring images, stored by digest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlops.platform.models import ModelVersion, name_version


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
        The person who overruled the gate to promote the model, and the reason; empty if it is not known.
    model_identity : str
        The identity of the model version; empty if it is not known.
    """

    name: str
    digest: str
    url: str
    model_name: str
    model_version: int
    override: str = ""
    model_identity: str = ""

    @property
    def model(self) -> str:
        """The model version in the image: "churn version 2", or "churn version 2 (gate overruled)"."""
        return name_version(self.model_name, self.model_version, self.override)


class Images(Protocol):
    """The store of scoring images, which are identified by digest."""

    def publish(self, bundle: Path, model: ModelVersion) -> Image:
        """Create an image from the files in `bundle`, and store it; called by the notebook 05_create_image.

        Safe to call again: the same files are stored only once.
        """
        ...

    def get_image(self, digest: str) -> Image:
        """Return a stored image after checking that it is unchanged.

        Raises ImageNotFoundError if it does not exist, and IntegrityError if it has changed.
        """
        ...

    def list_files(self, image: Image) -> list[str]:
        """Return the names of the files in an image, sorted; called by the notebook 05_create_image."""
        ...

    def find_image(self, model: ModelVersion) -> Image | None:
        """Return the newest image of a model version, or None; called by the notebook 06_deploy."""
        ...
