"""The file that names a new model, from a build to the release."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlops.errors import ModelNotFoundError, UsageError
from mlops.operations.model_file import find_named_image, write_model_file
from mlops.operations.opening import OpenProject
from mlops.operations.submitting import write_new_model
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.platform.pipelines import SubmittedRun

MODEL = ModelVersion("diabetes", 3, "run", {}, {})
IMAGE = Image("diabetes:3", "sha256:abc", "registry/diabetes", "diabetes", 3)


@dataclass
class OneModel:
    """A registry and images with one model version, whose image may be missing."""

    images: dict[int, Image] = field(default_factory=lambda: {3: IMAGE})

    def get_version(self, name: str, version: int) -> ModelVersion:
        if (name, version) != ("diabetes", 3):
            raise ModelNotFoundError(f"no {name}:{version}")
        return MODEL

    def find_image(self, model: ModelVersion) -> Image | None:
        return self.images.get(model.version)


def make_backend(only: OneModel) -> Backend:
    """Return a platform with this registry and these images."""
    parts: Any = SimpleNamespace(registry=only, images=only, command_options=" --platform azure")
    return cast(Backend, parts)


def make_opened(only: OneModel) -> OpenProject:
    """Return a project on that platform."""
    parts: Any = SimpleNamespace(backend=make_backend(only), model_name="diabetes")
    return cast(OpenProject, parts)


def test_the_file_has_name_version_and_id(tmp_path: Path) -> None:
    """As in the reference implementation."""
    write_model_file(tmp_path / "model" / "model.json", MODEL)
    assert (tmp_path / "model" / "model.json").read_text() == '{"name":"diabetes","version":3,"id":"diabetes:3"}'
    assert find_named_image(tmp_path / "model" / "model.json", make_backend(OneModel())) == IMAGE


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, UsageError, "There is no such file"),
        ("not JSON", UsageError, "model.json is damaged .*`mlops submit` writes a new one"),
        ('{"name": "diabetes"}', UsageError, "missing required field `version`"),
        ('{"name": "diabetes", "version": 4, "id": "diabetes:4"}', UsageError, "model.json: no diabetes:4"),
    ],
)
def test_a_file_that_names_nothing_says_so(
    tmp_path: Path, text: str | None, error: type[Exception], message: str
) -> None:
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(error, match=message):
        find_named_image(tmp_path / "model.json", make_backend(OneModel()))


def test_a_model_without_an_image_is_not_released(tmp_path: Path) -> None:
    write_model_file(tmp_path / "model.json", MODEL)
    with pytest.raises(UsageError, match="3 has no scoring image.*`mlops run retrain --platform azure`"):
        find_named_image(tmp_path / "model.json", make_backend(OneModel(images={})))


def test_a_model_that_is_not_better_leaves_no_file_of_an_older_one(tmp_path: Path) -> None:
    write_model_file(tmp_path / "model.json", MODEL)
    rejected = SubmittedRun("run", "retrain", "1", "succeeded", "rejected")
    write_new_model(tmp_path / "model.json", make_opened(OneModel()), rejected)
    assert not (tmp_path / "model.json").exists()
    promoted = SubmittedRun("run", "retrain", "1", "succeeded", "promoted", model_version=3)
    write_new_model(tmp_path / "model.json", make_opened(OneModel()), promoted)
    assert (tmp_path / "model.json").is_file()
