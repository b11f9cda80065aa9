"""A checkout in which a test may damage the pipelines' files."""

import shutil
from pathlib import Path

import pytest
from azure_pipelines.pipeline import FOLDER, PIPELINE, Spoil
from checkout import list_tracked


@pytest.fixture
def scratch(project: Path, tmp_path: Path) -> Path:
    """A checkout with copies of the pipelines' files and the docs, and links to the rest of the project."""
    scratch = tmp_path / "checkout"
    for path in list_tracked(project, FOLDER, PIPELINE, "docs"):
        copy = scratch / path.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    for name in ("notebooks", "parameters", "src", "tests", "Makefile"):
        (scratch / name).symlink_to(project / name)
    return scratch


@pytest.fixture
def spoil(scratch: Path) -> Spoil:
    """Creates a checkout in which one file of the pipelines is changed in one place."""

    def replace(file: str, right: str, wrong: str) -> Path:
        path = scratch / file
        text = path.read_text(encoding="utf-8")
        assert right in text, f"{file} has no {right!r}"
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        return scratch

    return replace
