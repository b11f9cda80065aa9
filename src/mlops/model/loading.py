"""Loading of models, which are fetched from the platform and checked against their hashes first."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops.errors import ImageNotFoundError, ModelNotFoundError
from mlops.model.files import load_model
from mlops.model.training_data import TrainingData, read_training_data
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.platform.trainings import TrainingRun


def load_trained(backend: Backend, run: TrainingRun) -> Any:
    """Return the estimator of a training run; raise IntegrityError if its files have changed."""
    with TemporaryDirectory() as folder:
        return load_model(backend.tracker.fetch_files(run, Path(folder, "model")))


def load_registered(backend: Backend, model: ModelVersion) -> Any:
    """Return the estimator of a registered version; raise IntegrityError if its files have changed."""
    with TemporaryDirectory() as folder:
        return load_model(backend.registry.fetch_model(model, Path(folder, "model")))


def load_training_data(backend: Backend, model: ModelVersion) -> TrainingData:
    """Return a registered version's description of its training data; see `read_training_data`."""
    with TemporaryDirectory() as folder:
        return read_training_data(backend.registry.fetch_model(model, Path(folder, "model")))


def require_champion(backend: Backend, model_name: str) -> ModelVersion:
    """Return the champion.

    Raises
    ------
    ModelNotFoundError
        Before the first promotion.
    """
    champion = backend.registry.find_champion(model_name)
    if champion is None:
        raise ModelNotFoundError(f"The model {model_name!r} has no champion yet. Run `mlops run retrain` first.")
    return champion


def choose_image(backend: Backend, model_name: str, digest: str = "") -> Image:
    """Return the image with a digest or, if none is given, the champion's; marked if the gate was overruled.

    Raises
    ------
    ModelNotFoundError
        If no image is named and there is no champion yet.
    ImageNotFoundError
        If there is no such image.
    """
    if digest:
        return _mark_override(backend, backend.images.get_image(digest))
    champion = require_champion(backend, model_name)
    image = backend.images.find_image(champion)
    if image is None:
        raise ImageNotFoundError(
            f"{model_name} version {champion.version} has no image yet. Run {IMAGE_NOTEBOOK} first."
        )
    return _mark_override(backend, image)


def _mark_override(backend: Backend, image: Image) -> Image:
    """Return an image, marked if a person overruled the gate to promote its model."""
    with suppress(ModelNotFoundError):  # an image may outlive its model
        return replace(image, override=backend.registry.get_version(image.model_name, image.model_version).override)
    return image
