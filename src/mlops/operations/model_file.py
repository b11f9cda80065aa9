"""The file with which a build passes the new model to the release."""

from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from mlops.errors import IntegrityError, ModelNotFoundError, UsageError
from mlops.files.atomic import write_atomically
from mlops.files.records import read_record
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion


@dataclass(frozen=True)
class ModelFile:
    """The content of a file that names a model version. `id` is "name:version", as in Azure Machine Learning."""

    name: str
    version: int
    id: str


def write_model_file(path: Path, model: ModelVersion) -> None:
    """Write a file that names a model version."""
    content = asdict(ModelFile(model.name, model.version, f"{model.name}:{model.version}"))
    write_atomically(path, msgspec.json.encode(content))


def find_named_image(path: Path, backend: Backend) -> Image:
    """Return the newest image of the model version that a file names.

    Raises
    ------
    UsageError
        If the file is missing or does not name a model, or if the model version or its image does not exist.
    """
    try:
        named = read_record(path, ModelFile, "`mlops submit` writes a new one.")
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"--model-file {path}: There is no such file. `mlops submit` writes it.") from None
    except IntegrityError as error:
        raise UsageError(f"--model-file {error}") from error
    try:
        version = backend.registry.get_version(named.name, named.version)
    except ModelNotFoundError as error:
        raise UsageError(f"--model-file {path}: {error}") from error
    image = backend.images.find_image(version)
    if image is None:
        raise UsageError(
            f"--model-file {path}: {named.id} has no scoring image. Train a new model with "
            f"`mlops run retrain{backend.command_options}`."
        )
    return image
