"""The model and the image to release, and why an image is outdated."""

import json
from pathlib import Path

import pytest
from tiny_model import make_bundle, publish

from mlops.backends.memory import open_backend
from mlops.errors import ImageNotFoundError, IntegrityError, MlopsError, ModelNotFoundError
from mlops.image.sources import CHOICE_TITLE, ImageSources
from mlops.platform.images import Image
from mlops.release.choice import choose_image, choose_model, explain_outdated


def test_the_model_is_the_registered_one_or_the_champion(tmp_path: Path) -> None:
    backend = open_backend()
    with pytest.raises(ModelNotFoundError, match="^The model 'tiny' has no champion yet"):
        choose_model(backend, "tiny")
    first, second = publish(backend, tmp_path), publish(backend, tmp_path, 2.0)
    backend.registry.promote("tiny", first.model_version, expected="")
    assert choose_model(backend, "tiny").version == first.model_version
    registered = {"model_name": "tiny", "model_version": second.model_version}
    assert choose_model(backend, "tiny", registered).version == second.model_version


def test_an_image_is_outdated_if_a_source_has_changed(tmp_path: Path) -> None:
    backend = open_backend()
    model = backend.registry.get_version("tiny", publish(backend, tmp_path).model_version)
    script, lock = tmp_path / "score.py", tmp_path / "requirements.txt"
    content = tmp_path / "bundle-1.0"
    (content / "schema.json").write_bytes(b"{}")
    manifest = json.loads((content / "manifest.json").read_text())
    manifest["files"]["schema.json"] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    (content / "manifest.json").write_text(json.dumps(manifest))
    first = backend.images.publish(content, model)

    def explain(schema: bytes = b"{}") -> str:
        return explain_outdated(backend, model, ImageSources(tmp_path, script, lock, (), schema))

    assert explain() == ""
    assert explain(b"[]") == "The schema of the problem has changed since the image of tiny:1 was created."
    same = ImageSources(tmp_path, script, lock, (), b"{}")
    assert explain_outdated(backend, model, same, "numbers") == ""
    assert explain_outdated(backend, model, same, "onnx") == (
        "The image of tiny:1 has the runtime numbers, and now onnx is the fastest one."
    )
    script.write_text("def init(): ...\n")
    assert explain_outdated(backend, model, same, "onnx").startswith("score.py has changed")
    assert explain() == "score.py has changed since the image of tiny:1 was created."
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageSources, "find_changes", lambda *given: ([], [CHOICE_TITLE]))
        assert explain() == "The choice of a runtime was dropped since the image of tiny:1 was created."
    lock.write_text("numpy==1.0\n")
    assert explain(b"[]") == (
        "score.py, requirements.txt and the schema of the problem have changed since the image of tiny:1 was created."
    )
    assert explain(b"") == (
        "score.py and requirements.txt have changed and the schema of the problem was dropped since the image of "
        "tiny:1 was created."
    )
    second = backend.images.publish(make_bundle(tmp_path, model, 1.0, "def init(): ...\n"), model)
    assert first.digest != second.digest
    assert "score.py" not in explain()
    backend.registry.promote("tiny", model.version, expected="")
    assert choose_image(backend, "tiny").digest == second.digest
    assert choose_image(backend, "tiny", first.digest).digest == first.digest


@pytest.mark.parametrize("error", [ImageNotFoundError("There is no image sha256:1."), IntegrityError("It changed.")])
def test_a_model_whose_image_is_missing_or_damaged_needs_a_new_one(
    tmp_path: Path, error: MlopsError, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_backend()
    model = backend.registry.get_version("tiny", publish(backend, tmp_path).model_version)

    def fail(image: Image) -> dict[str, str]:
        raise error

    monkeypatch.setattr(backend.images, "list_files", fail)
    sources = ImageSources(tmp_path, tmp_path / "score.py", tmp_path / "requirements.txt", (), b"")
    assert explain_outdated(backend, model, sources) == "The image of tiny version 1 is missing or damaged."


def test_a_model_without_an_image_needs_one(tmp_path: Path) -> None:
    backend = open_backend()
    model = backend.registry.get_version("tiny", publish(backend, tmp_path).model_version)
    backend.images._newest.clear()  # type: ignore[attr-defined]
    sources = ImageSources(tmp_path, tmp_path / "score.py", tmp_path / "requirements.txt", (), b"")
    assert explain_outdated(backend, model, sources) == "tiny version 1 has no image yet."
    backend.registry.promote("tiny", model.version, expected="")
    with pytest.raises(ImageNotFoundError, match=r"tiny version 1, has no scoring image\. Create one with `mlops"):
        choose_image(backend, "tiny")
