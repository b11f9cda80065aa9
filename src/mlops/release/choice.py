"""The choice of the image to release: the named one, or the champion's."""

from dataclasses import replace

from mlops.errors import ImageNotFoundError, ModelNotFoundError
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion


def choose_image(backend: Backend, model_name: str, digest: str = "") -> Image:
    """Return the image with this digest, or else the champion's image, with a mark if the gate was overruled.

    Called by 06_deploy, and by `mlops run` before the first step.

    Raises
    ------
    ModelNotFoundError
        If no image is named and there is no champion yet, or the registry no longer has the version of a named image.
    ImageNotFoundError
        If there is no such image.
    """
    if digest:
        image = backend.images.get_image(digest)
        return _mark(image, _require_version(backend, image))
    champion = backend.registry.find_champion(model_name)
    if champion is None:
        raise ModelNotFoundError(f"The model {model_name!r} has no champion yet. Run `mlops run retrain` first.")
    found = backend.images.find_image(champion)
    if found is None:
        raise ImageNotFoundError(
            f"The champion, {champion.title}, has no scoring image. Run {IMAGE_NOTEBOOK} if it is the newest version, "
            "or train a different model with `mlops run retrain`."
        )
    return _mark(found, champion)


def _require_version(backend: Backend, image: Image) -> ModelVersion:
    """Return the model version of an image. If the version was deleted, refuse the image: it cannot be tested."""
    try:
        return backend.registry.get_version(image.model_name, image.model_version)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"The registry no longer has {image.model}, so its image, {image.digest}, cannot be tested. "
            "Release the champion without naming an image, or train another model with `mlops run retrain`."
        ) from error


def _mark(image: Image, version: ModelVersion) -> Image:
    """Return the image with its model's identity and, if a person overruled the gate, with the mark."""
    return replace(image, override=version.override, model_identity=version.identity)
