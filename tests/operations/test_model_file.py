"""The file that names a new model, from a build to the release."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner

from mlops.cli import main
from mlops.cli.pipelines import _write_model, watch_run
from mlops.errors import ImageNotFoundError, ModelNotFoundError, PlatformError, UsageError
from mlops.operations.model_file import find_named_image, write_model_file
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.models import ModelVersion
from mlops.platform.pipelines import Pipelines, SubmittedRun

MODEL = ModelVersion("diabetes", 3, "run", {}, {})
IMAGE = Image("diabetes:3", "sha256:abc", "registry/diabetes", "diabetes", 3)


@dataclass
class OneModel:
    """A registry and images that have one version, or its image not yet."""

    images: dict[int, Image] = field(default_factory=lambda: {3: IMAGE})

    def get_version(self, name: str, version: int) -> ModelVersion:
        if (name, version) != ("diabetes", 3):
            raise ModelNotFoundError(f"no {name}:{version}")
        return MODEL

    def find_image(self, model: ModelVersion) -> Image | None:
        return self.images.get(model.version)


def make_backend(only: OneModel) -> Backend:
    """Return a platform of these two parts."""
    parts: Any = SimpleNamespace(registry=only, images=only)
    return cast(Backend, parts)


def test_the_file_has_name_version_and_id(tmp_path: Path) -> None:
    """As in the reference implementation."""
    write_model_file(tmp_path / "model" / "model.json", MODEL)
    assert (tmp_path / "model" / "model.json").read_text() == '{"name":"diabetes","version":3,"id":"diabetes:3"}'
    assert find_named_image(tmp_path / "model" / "model.json", make_backend(OneModel())) == IMAGE


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, UsageError, "there is no such file"),
        ("not JSON", UsageError, "names no model"),
        ('{"name": "diabetes"}', UsageError, "missing required field `version`"),
        ('{"name": "diabetes", "version": 4, "id": "diabetes:4"}', ModelNotFoundError, "no diabetes:4"),
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
    with pytest.raises(ImageNotFoundError, match="there is no image of diabetes:3"):
        find_named_image(tmp_path / "model.json", make_backend(OneModel(images={})))


def test_a_model_that_is_not_better_leaves_no_file_of_an_older_one(tmp_path: Path) -> None:
    write_model_file(tmp_path / "model.json", MODEL)
    rejected = SubmittedRun("run", "retrain", "1", "succeeded", "rejected")
    _write_model(tmp_path / "model.json", make_backend(OneModel()).registry, "diabetes", rejected)
    assert not (tmp_path / "model.json").exists()
    promoted = SubmittedRun("run", "retrain", "1", "succeeded", "promoted", tags={"model_version": "3"})
    _write_model(tmp_path / "model.json", make_backend(OneModel()).registry, "diabetes", promoted)
    assert (tmp_path / "model.json").is_file()


class OftenAway:
    """Pipelines that cannot be asked a number of times, and then tell that the run has ended."""

    def __init__(self, times: int) -> None:
        self.times = times

    def get_run(self, run_id: str) -> SubmittedRun:
        self.times -= 1
        if self.times >= 0:
            raise PlatformError("busy")
        return SubmittedRun(run_id, "retrain", "1", "succeeded")


def test_a_wait_of_hours_outlives_an_outage_of_minutes() -> None:
    running, pauses = SubmittedRun("run", "retrain", "1", "running"), list[float]()
    ended = watch_run(cast(Pipelines, OftenAway(20)), running, pauses.append)
    assert (ended.state, len(pauses)) == ("succeeded", 21)
    assert sum(pauses) > 300
    with pytest.raises(PlatformError, match="busy"):
        watch_run(cast(Pipelines, OftenAway(99)), running, pauses.append)


@pytest.mark.parametrize("option", [["--model-file", "model.json"], ["--download", "reports"]])
def test_what_needs_the_end_of_a_run_needs_wait(option: list[str]) -> None:
    shown = CliRunner().invoke(main, ["submit", "retrain", *option])
    assert (shown.exit_code, "add --wait" in shown.output) == (2, True)
