"""Images of one machine: bundles that were changed."""

from pathlib import Path

import pytest
from tiny_model import ask, deploy, publish

from mlops.backends import open_backend
from mlops.errors import IntegrityError
from mlops.workspace import Workspace


def test_a_changed_image_is_refused(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    (stored,) = (migrated.home / "images").glob("sha256-*/score.py")
    stored.write_text("def init(): ...")
    with pytest.raises(IntegrityError, match=r"score\.py has changed"):
        deploy(backend, "qa", image)


def test_a_path_may_have_spaces_and_letters_of_any_language(project: Path, tmp_path: Path) -> None:
    odd = Workspace(project, tmp_path / "home ü 100%", tmp_path / "outputs")
    backend = open_backend("local", odd)
    image = publish(backend, tmp_path, 7.5)
    assert list(backend.images.list_files(image))[:3] == ["example.json", "examples.json", "manifest.json"]
    assert ask(backend, deploy(backend, "qa", image)) == 7.5
    backend.services.stop("qa")
