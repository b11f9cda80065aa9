"""The choice of the image to release, and the check that the image of a model version is up to date."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from mlops.errors import ImageNotFoundError, IntegrityError, ModelNotFoundError
from mlops.image.runtimes.packages import name_runtime
from mlops.image.sources import CHOICE_TITLE, EXAMPLES_TITLE, RUNTIME_TITLE, SCHEMA_TITLE, ImageSources
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion

TITLES = (SCHEMA_TITLE, EXAMPLES_TITLE, RUNTIME_TITLE, CHOICE_TITLE)
NOTHING: Mapping[str, Any] = MappingProxyType({})


def choose_image(backend: Backend, model_name: str, digest: str = "") -> Image:
    """Return the image with this digest, or the champion's image if the digest is empty.

    If a person promoted the model although the gate rejected it, the returned image gives the reason in `override`.

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
        return _add_override_and_identity(image, _require_version(backend, image))
    champion = _require_champion(backend, model_name)
    found = backend.images.find_image(champion)
    if found is None:
        raise ImageNotFoundError(
            f"The champion, {champion.title}, has no scoring image. "
            f"Create one with `mlops run release{backend.command_options}` or with {IMAGE_NOTEBOOK}."
        )
    return _add_override_and_identity(found, champion)


def choose_model(backend: Backend, model_name: str, registered: Mapping[str, Any] = NOTHING) -> ModelVersion:
    """Return the model version that a run registered, or the champion if the run registered no version.

    Parameters
    ----------
    backend : Backend
        The platform.
    model_name : str
        The name of the model whose champion is returned if the run registered no version.
    registered : mapping
        The results "model_name" and "model_version" of the run; empty if it registered no version.

    Raises
    ------
    ModelNotFoundError
        If there is no such version, or no champion yet.
    """
    if registered:
        return backend.registry.get_version(registered["model_name"], registered["model_version"])
    return _require_champion(backend, model_name)


def explain_outdated(backend: Backend, version: ModelVersion, sources: ImageSources, runtime: str = "") -> str:
    """Return a sentence that says why a model version needs a new image; "" if its image is up to date.

    An image is outdated if the scoring script, its lock file, a module beside the script, the schema or the examples of
    the problem have changed since the image was created, or if a new image would have another runtime.

    Parameters
    ----------
    backend : Backend
        The platform.
    version : ModelVersion
        The model version.
    sources : ImageSources
        The files from which a new image would be created.
    runtime : str
        The runtime that a new image would have; empty if it is unknown, because to compare runtimes takes seconds.
    """
    try:
        image = backend.images.find_image(version)
        recorded = backend.images.list_files(image) if image else {}
    except (ImageNotFoundError, IntegrityError):  # a new image will replace the damaged image
        return f"The image of {version.title} is missing or damaged."
    if image is None:
        return f"{version.title} has no image yet."
    changed, removed = sources.find_changes(recorded)
    if not changed and not removed:
        found = name_runtime(recorded)
        if runtime in ("", found):
            return ""
        return f"The image of {image.name} has the runtime {found}, and now {runtime} is the fastest one."
    parts = (_tell(changed, "has changed", "have changed"), _tell(removed, "was dropped", "were dropped"))
    told = f"{' and '.join(part for part in parts if part)} since the image of {image.name} was created."
    return told[0].upper() + told[1:] if [*changed, *removed][0] in TITLES else told


def _tell(names: Sequence[str], one: str, more: str) -> str:
    if len(names) < 2:
        return f"{names[0]} {one}" if names else ""
    *first, last = names
    return f"{', '.join(first)} and {last} {more}"


def _require_champion(backend: Backend, model_name: str) -> ModelVersion:
    champion = backend.registry.find_champion(model_name)
    if champion is None:
        raise ModelNotFoundError(
            f"The model {model_name!r} has no champion yet. Run `mlops run retrain{backend.command_options}` first."
        )
    return champion


def _require_version(backend: Backend, image: Image) -> ModelVersion:
    try:
        return backend.registry.get_version(image.model_name, image.model_version)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"The registry no longer has {image.model}, so its image, {image.digest}, cannot be tested. "
            "Release the champion without naming an image, or train another model with "
            f"`mlops run retrain{backend.command_options}`."
        ) from error


def _add_override_and_identity(image: Image, version: ModelVersion) -> Image:
    return replace(image, override=version.override, model_identity=version.identity)
