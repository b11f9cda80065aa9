"""The choice of the image to release: either an image that the user names, or the image of the champion."""

from dataclasses import replace

from mlops.errors import ImageNotFoundError, ModelNotFoundError
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion


def choose_image(backend: Backend, model_name: str, digest: str = "") -> Image:
    """Return the image with this digest, or the champion's image if the digest is empty.

    If a person promoted the model although the promotion gate rejected it, the field `override` of the image has the
    reason.

    Raises
    ------
    ModelNotFoundError
        If the digest is empty and there is no champion, or if the registry no longer has the model version of the
        image.
    ImageNotFoundError
        If no image has this digest, or the champion has no image.
    """
    if digest:
        image = backend.images.get_image(digest)
        return _mark(image, _require_version(backend, image))
    champion = backend.registry.find_champion(model_name)
    if champion is None:
        raise ModelNotFoundError(
            f"The model {model_name!r} has no champion yet. Run `mlops run retrain{backend.command_options}` first."
        )
    found = backend.images.find_image(champion)
    if found is None:
        raise ImageNotFoundError(
            f"The champion, {champion.title}, has no scoring image. Run {IMAGE_NOTEBOOK} if the champion is "
            f"the newest version, or train a different model with `mlops run retrain{backend.command_options}`."
        )
    return _mark(found, champion)


def _require_version(backend: Backend, image: Image) -> ModelVersion:
    """Return the model version of an image.

    Raise an error if the version was deleted.
    """
    try:
        return backend.registry.get_version(image.model_name, image.model_version)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"The registry no longer has {image.model}, so its image, {image.digest}, cannot be tested. "
            "Release the champion without naming an image, or train another model with "
            f"`mlops run retrain{backend.command_options}`."
        ) from error


def _mark(image: Image, version: ModelVersion) -> Image:
    """Return the image with its model's identity and, if a person overruled the promotion gate, the reason."""
    return replace(image, override=version.override, model_identity=version.identity)
