"""The contract of images, over every platform: `mlops.platform.images.Images`."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_model import publish

from mlops.errors import ImageNotFoundError
from mlops.platform.backend import Backend


def test_the_same_bundle_is_one_image(backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", 1)
    assert backend.images.publish(tmp_path / "bundle-1.0", model) == image
    assert backend.images.find_image(model) == image
    assert (image.name, image.model_version) == ("tiny:1", 1)


def test_a_file_of_an_image_can_be_read(backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    assert backend.images.read_file(image, "score.py") == (tmp_path / "score.py").read_bytes()
    assert backend.images.read_file(image, "model/model.json")
    assert backend.images.read_file(image, "nothing.json") == b""


def test_an_image_belongs_to_one_training_of_a_version(backend: Backend, tmp_path: Path) -> None:
    """A restored registry may give the same number to another model."""
    publish(backend, tmp_path)
    restored = replace(backend.registry.get_version("tiny", 1), run_id="another training")
    assert backend.images.find_image(restored) is None


@pytest.mark.no_blobs
def test_an_unknown_image_is_not_found(backend: Backend) -> None:
    with pytest.raises(ImageNotFoundError, match="no image sha256:00"):
        backend.images.get_image("sha256:00")
