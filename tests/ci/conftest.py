"""A checkout whose pipelines' files a test may spoil."""

import shutil
from pathlib import Path

import pytest
from azure_pipelines.pipeline import FOLDER, PIPELINE, Spoil


@pytest.fixture
def spoil(project: Path, tmp_path: Path) -> Spoil:
    """Makes a checkout in which one file has something else in one place; all but these files is the project's own."""
    scratch = tmp_path / "checkout"
    (scratch / FOLDER).parent.mkdir(parents=True)
    shutil.copytree(project / FOLDER, scratch / FOLDER)
    shutil.copyfile(project / PIPELINE, scratch / PIPELINE)
    shutil.copytree(project / "docs", scratch / "docs")
    for name in ("notebooks", "parameters", "src", "tests", "Makefile"):
        (scratch / name).symlink_to(project / name)

    def replace(file: str, right: str, wrong: str) -> Path:
        path = scratch / file
        text = path.read_text(encoding="utf-8")
        assert right in text, f"{file} has no {right!r}"
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        return scratch

    return replace
