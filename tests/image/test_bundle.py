"""The content of a scoring image: the same bytes for the same input, and nothing else accepted."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from churn import problem as churn
from other_project import PROBLEMS

from mlops.errors import IntegrityError, ProblemError
from mlops.files.hashes import hash_folder
from mlops.image.bundle import build_bundle, digest_bundle, list_unhashed, read_pins, split_example, verify_bundle
from mlops.image.schema import encode_schema
from mlops.image.sources import ImageSources
from mlops.serving.identity import read_identity
from mlops.serving.metrics.bins import ColumnBins


def build(
    folder: Path, weight: float = 1.0, version: int = 3, example: float = 1.0, more_files: Sequence[Path] = ()
) -> str:
    """Build a bundle from inputs in the same folder, which are written each time."""
    inputs = folder.parent / f"{folder.name} inputs"
    inputs.mkdir()
    (inputs / "model.json").write_text(json.dumps({"coefficients": [weight]}))
    (inputs / "my_script.py").write_text("def init(): ...\n")
    (inputs / "pins.lock").write_text("numpy==2.3.2\n")
    return build_bundle(
        folder,
        ImageSources(inputs, inputs / "my_script.py", inputs / "pins.lock"),
        model_name="diabetes",
        model_version=version,
        model_files=[inputs / "model.json", *more_files],
        example=[[example, 2.0]],
    )


def test_the_same_input_gives_the_same_digest(tmp_path: Path) -> None:
    first = build(tmp_path / "one")
    for path in (tmp_path / "one").rglob("*"):
        os.utime(path, (0, 0))
        path.chmod(0o700)
    assert build(tmp_path / "deeper") == first == digest_bundle(tmp_path / "one")
    assert (len(first), first[:7]) == (71, "sha256:")


@pytest.mark.parametrize("change", [{"weight": 1.5}, {"version": 4}, {"example": 1.5}])
def test_another_input_gives_another_digest(tmp_path: Path, change: dict[str, float]) -> None:
    assert build(tmp_path / "one") != build(tmp_path / "two", **change)  # type: ignore[arg-type]


def test_a_bundle_says_what_is_in_it(tmp_path: Path) -> None:
    manifest = verify_bundle(tmp_path / "image", build(tmp_path / "image"))
    assert (manifest["name"], manifest["model"]) == ("diabetes:3", {"name": "diabetes", "version": 3})
    files = list(hash_folder(tmp_path / "image"))
    assert sorted([*manifest["files"], "manifest.json"]) == files
    assert {"example.json", "model/model.json", "requirements.txt", "score.py", "serving/app.py"} < set(files)
    assert {"openapi.json", "openapi-3.0.json", "swagger.json"} < set(files)
    assert json.loads((tmp_path / "image" / "example.json").read_text()) == {"data": [[1.0, 2.0]]}


@pytest.mark.parametrize("runtime", ["script", "onnx"])
def test_a_bundle_names_its_runtime(tmp_path: Path, runtime: str) -> None:
    record = tmp_path / "runtime.json"
    record.write_text(json.dumps({"format": 1, "runtime": runtime, "columns": ["a"]}))
    bundle = tmp_path / "image"
    digest = build(bundle, more_files=[] if runtime == "script" else [record])
    assert verify_bundle(bundle, digest)["runtime"] == read_identity(bundle)["runtime"] == runtime


def test_the_digest_covers_the_schema_and_the_modules_beside_the_script(tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text("WEIGHT = 1\n")

    def build_with(schema: bytes, *modules: Path) -> str:
        (tmp_path / "pins.lock").write_text("numpy==2.3.2\n")
        return build_bundle(
            tmp_path / "image",
            ImageSources(tmp_path, tmp_path / "features.py", tmp_path / "pins.lock", modules, schema),
            model_name="diabetes",
            model_version=3,
            model_files=[],
            example=[{"plan": "basic"}],
        )

    schema = encode_schema(churn)
    digests = {build_with(b""), build_with(schema), build_with(schema, tmp_path / "features.py")}
    assert len(digests) == 3
    assert {"schema.json", "openapi.json", "swagger.json", "features.py"} < set(hash_folder(tmp_path / "image"))


def test_an_image_without_a_schema_has_no_distributions(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("")

    def list_files(schema: bytes) -> set[str]:
        build_bundle(
            tmp_path / "image",
            ImageSources(tmp_path, tmp_path / "score.py", tmp_path / "score.py", (), schema),
            model_name="diabetes",
            model_version=3,
            model_files=[],
            example=[],
            profile=[ColumnBins("fee", "number", (10.0,), counts=(3, 3, 0))],
        )
        return set(hash_folder(tmp_path / "image"))

    assert "profile.json" in list_files(encode_schema(churn))
    assert "profile.json" not in list_files(b"")


def test_a_bundle_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "image" / "model").mkdir(parents=True)
    (tmp_path / "image" / "model" / "old.json").write_text("")
    verify_bundle(tmp_path / "image", build(tmp_path / "image"))
    assert "model/old.json" not in hash_folder(tmp_path / "image")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    digest = build(tmp_path / "image")
    (tmp_path / "image" / "model" / "model.json").write_text('{"coefficients": [1.1]}')
    with pytest.raises(IntegrityError, match=f"^image {digest}: model/model.json has changed since it was recorded"):
        verify_bundle(tmp_path / "image", digest)


def test_an_added_file_is_refused(tmp_path: Path) -> None:
    digest = build(tmp_path / "image")
    (tmp_path / "image" / "serving" / "sitecustomize.py").write_text("")
    with pytest.raises(IntegrityError, match=f"^image {digest}: .* contains serving/sitecustomize.py, which is not "):
        verify_bundle(tmp_path / "image", digest)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    digest = build(tmp_path / "image")
    (tmp_path / "image" / "score.py").unlink()
    with pytest.raises(IntegrityError, match=f"^image {digest}: score.py is missing in "):
        verify_bundle(tmp_path / "image", digest)


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    digest = build(tmp_path / "image")
    (tmp_path / "image" / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match=f"^image {digest}: .*manifest.json is missing"):
        verify_bundle(tmp_path / "image", digest)


def test_a_manifest_that_was_rewritten_with_its_files_is_refused(tmp_path: Path) -> None:
    digest = build(tmp_path / "image")
    other = build(tmp_path / "other", weight=1.5)
    (tmp_path / "other").rename(tmp_path / "moved")
    with pytest.raises(IntegrityError) as raised:
        verify_bundle(tmp_path / "moved", digest)
    path = tmp_path / "moved" / "manifest.json"
    assert (
        str(raised.value) == f"image {digest}: {path} has changed (its digest is now {other}). Create the image again."
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# a\nnumpy==2.3.2 \\\n    --hash=sha256:00\nfoo bar baz\n", "4 is 'foo bar baz'. Write each package as"),
        (b"numpy==2.3.2\r\nuvicorn>=0.5\r\n", "2 is 'uvicorn>=0.5'. Write each package as"),
        (b"numpy==2.3.2\n# caf\xe9\n", "2 is not text in UTF-8. Save the file as UTF-8."),
        (b"numpy==2.3.2\n# caf\xc3\xa9\nb\xff", "3 is not text in UTF-8. Save the file as UTF-8."),
    ],
)
def test_a_damaged_lock_is_named_with_the_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "score_requirements.lock"
    path.write_bytes(content)
    for read in (read_pins, list_unhashed):
        with pytest.raises(ProblemError) as raised:
            read(path)
        assert str(raised.value).startswith(f"{path}, line {said}")


def test_pins_are_those_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(
        "# a comment\n"
        "numpy==2.3.2 \\\n"
        "    --hash=sha256:00 \\\n"
        "    --hash=sha256:01\n"
        "    # via scikit-learn\n"
        "\n"
        "uvicorn[standard]==0.54.0\n"
        "msgspec==0.19.0 --hash=sha256:03  # on one line\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n"
        "    --hash=sha256:02\n"
        "uvloop==0.23.0 ; sys_platform != 'win32'\n"
    )
    assert list_unhashed(path) == ["uvicorn", "uvloop"]
    assert read_pins(path) == {"numpy": "2.3.2", "msgspec": "0.19.0", "uvicorn": "0.54.0", "uvloop": "0.23.0"}


@pytest.mark.parametrize(
    "line",
    ["numpy>=1", "numpy", "numpy==2.*", "numpy>=1,==2.3.2", "numpy @ https://example.org/numpy.whl", "-r other.txt"]
    + ["-e .", "--requirement=other.txt", "./numpy.whl", "numpy = 2"],
)
def test_a_line_of_a_lock_that_is_no_exact_version_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "service.lock"
    path.write_text(f"--index-url https://example.org/simple\nmsgspec==0.19.0\n{line}  # why\n")
    with pytest.raises(ProblemError) as raised:
        read_pins(path)
    assert str(raised.value) == f"{path}, line 3 is {line!r}. Write each package as name==version."


@pytest.mark.parametrize("package", ["progression", "churn"])
def test_the_service_runs_on_the_packages_that_the_project_is_tested_with(project: Path, package: str) -> None:
    service = read_pins(PROBLEMS / package / "score_requirements.lock")
    everything = read_pins(project / "requirements.lock")
    assert {"numpy", "uvicorn", "httptools", "msgspec", "uvloop"} <= set(service)
    assert service == {name: everything[name] for name in service}


def test_true_values_stand_beside_the_request(tmp_path: Path) -> None:
    text = '{"data": [[1.0, 2.0]], "actual": [151.0]}'
    assert split_example(text) == ('{"data": [[1.0, 2.0]]}', [151.0])
    assert split_example('{"data": [[1.0]]}') == ('{"data": [[1.0]]}', [])
    assert split_example("[[1]]") == ("[[1]]", [])
    assert split_example("") == ("{}", [])
    assert split_example("{damaged") == ("{damaged", [])
