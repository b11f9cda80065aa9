"""The limits of the structure, so that a new reader finds a file by its folder."""

import ast
from pathlib import Path

import pytest

ROOT = {"errors", "numbers", "scraps", "workspace"}
MOST_FILES, MOST_LINES = 18, 300


@pytest.fixture(scope="module")
def engine(project: Path) -> Path:
    """The folder of the engine."""
    return project / "src" / "mlops"


def test_the_root_holds_the_ground_alone(engine: Path) -> None:
    assert {path.stem for path in engine.glob("*.py")} == ROOT | {"__init__", "__main__"}


def test_no_folder_is_crowded(engine: Path) -> None:
    folders = {folder: len(list(folder.glob("*.py"))) for folder in {path.parent for path in engine.rglob("*.py")}}
    assert {folder.name: count for folder, count in folders.items() if count > MOST_FILES} == {}


def test_no_module_is_long(engine: Path) -> None:
    lines = {path.relative_to(engine).as_posix(): len(path.read_text().splitlines()) for path in engine.rglob("*.py")}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_every_package_maps_its_modules(engine: Path) -> None:
    """In the docstring of `__init__`, so that a reader sees the content of a room at once."""
    missing = {}
    for init in engine.rglob("*/__init__.py"):
        shown = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        names = [path.stem for path in init.parent.glob("*.py") if path.stem not in ("__init__", "__main__")]
        if unnamed := [name for name in names if name not in shown]:
            missing[init.parent.relative_to(engine).as_posix()] = unnamed
    assert missing == {}


def test_records_are_read_back_in_one_place(engine: Path) -> None:
    """Anywhere else, one kind of damage would be forgotten, or the error would not name the file."""
    found = {path.relative_to(engine).as_posix() for path in engine.rglob("*.py") if "json.decode(" in path.read_text()}
    # the server in the image has no other module
    assert found == {
        "files/records.py",
        "serving/schema.py",
        "serving/runtimes/record.py",
        "serving/collection/settings.py",
        "serving/collection/distributions.py",
        "serving/metrics/profile.py",
    }
