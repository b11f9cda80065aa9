"""The files of a problem in an image, and what has changed since an image was created."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlops.errors import ProblemError
from mlops.files.hashes import hash_content
from mlops.image.sources import ImageSources, find_sources
from mlops.problem import load
from mlops.workspace import find_workspace


@pytest.fixture
def sources(tmp_path: Path) -> ImageSources:
    folder = tmp_path / "src" / "churn"
    folder.mkdir(parents=True)
    for name in ("score.py", "score_requirements.lock", "features.py"):
        (folder / name).write_text(name)
    return ImageSources(
        tmp_path, folder / "score.py", folder / "score_requirements.lock", (folder / "features.py",), b"schema"
    )


def record(**changed: str) -> dict[str, str]:
    """Return the hashes of an image, with other contents of some files."""
    names = {"script": "score.py", "lock": "requirements.txt", "features": "features.py", "schema": "schema.json"}
    contents = {
        "score.py": "score.py",
        "requirements.txt": "score_requirements.lock",
        "features.py": "features.py",
        "schema.json": "schema",
        **{names[name]: content for name, content in changed.items()},
    }
    others = dict.fromkeys(("manifest.json", "example.json", "model/model.json", "serving/app.py"), "")
    return {name: hash_content(content.encode()) for name, content in contents.items()} | others


def test_an_image_of_the_same_files_has_no_changes(sources: ImageSources) -> None:
    assert sources.find_changes(record()) == ([], [])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("script", "src/churn/score.py"),
        ("lock", "src/churn/score_requirements.lock"),
        ("features", "src/churn/features.py"),
        ("schema", "the schema of the problem"),
    ],
)
def test_a_changed_file_is_named(sources: ImageSources, changed: str, told: str) -> None:
    assert sources.find_changes(record(**{changed: "old"})) == ([told], [])


def test_changed_examples_are_named() -> None:
    """They are in the description of the service."""
    problem, project = load("progression"), find_workspace().project
    sources = find_sources(problem, project)
    recorded = {name: sha256 for name, _, sha256 in sources._hash_files({"examples.json": ""})}
    assert sources.find_changes(recorded) == ([], [])
    examples = (dict.fromkeys(problem.features, 0.125),)
    changed = replace(sources, problem=type("Other", (type(problem),), {"examples": examples})())
    assert changed.find_changes(recorded) == (["the list of the problem's examples"], [])
    del recorded["examples.json"]  # an older image
    assert changed.find_changes(recorded) == ([], [])


def test_a_runtime_that_was_chosen_for_one_run_is_not_kept(sources: ImageSources) -> None:
    """As every other parameter that is given with -p."""
    chosen = record() | {"model/model.skops": "", "runtime.txt": ""}
    assert sources.find_changes(chosen) == ([], ["the choice of a runtime"])
    assert replace(sources, runtime="skops").find_changes(chosen) == ([], [])
    assert replace(sources, runtime="onnx").find_changes(chosen) == (["the chosen runtime"], [])


def test_an_image_of_a_script_that_reads_the_body_has_no_schema(tmp_path: Path) -> None:
    problem, project = load("progression"), find_workspace().project
    (tmp_path / "score.py").write_text("import json\ndef init(): ...\ndef run(data): return json.loads(data)\n")
    sources = find_sources(problem, project, str(tmp_path / "score.py"))
    assert sources.schema == b""
    recorded = {name: sha256 for name, _, sha256 in sources._hash_files({}) if name != "schema.json"}
    assert sources.find_changes(recorded) == ([], [])
    assert sources.find_changes(recorded | {"schema.json": "0"}) == ([], ["the schema of the problem"])


def test_files_that_are_new_or_gone_are_named(sources: ImageSources) -> None:
    recorded = record()
    del recorded["schema.json"], recorded["features.py"]
    recorded["trusted.py"] = "0"
    assert sources.find_changes(recorded) == (["src/churn/features.py", "the schema of the problem"], ["trusted.py"])


def test_the_files_are_those_of_the_problem_unless_others_are_given(tmp_path: Path) -> None:
    problem, project = load("progression"), find_workspace().project
    own = find_sources(problem, project)
    assert own.script == problem.folder / "score.py"
    assert own.requirements == problem.folder / "score_requirements.lock"
    (tmp_path / "mine.py").write_text("")
    given = find_sources(problem, project, str(tmp_path / "mine.py"), "requirements.lock")
    assert (given.script, given.requirements) == (tmp_path / "mine.py", project / "requirements.lock")
    assert (given.image_files, given.schema) == (own.image_files, own.schema)


@pytest.mark.parametrize("given", [("src/none.py", ""), ("", "src/none.lock")])
def test_a_missing_file_is_named(given: tuple[str, str]) -> None:
    with pytest.raises(ProblemError, match=r"^There is no .*src/none\.(py|lock)\. Create it, or name another file"):
        find_sources(load("progression"), find_workspace().project, *given)
