"""Which modules a fork imports again: those whose files have changed since the parent imported them."""

import importlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.kernels.parent.sources import Sources

MODULES = ("shop", "shop.prices")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an imported package with one module; its files are a minute old."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in ("__init__.py", "prices.py"):
        (folder / name).write_text("value = 1\n")
        set_age(folder / name, 60)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("shop.prices")
    yield folder
    for name in MODULES:
        sys.modules.pop(name)


def set_age(path: Path, seconds: float) -> None:
    """Set the time of the last edit."""
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.fixture
def sources(package: Path) -> Sources:
    """The sources of that package, recorded."""
    found = Sources(["shop"])
    found.record(time.time())
    return found


def test_unchanged_modules_are_kept(sources: Sources, package: Path) -> None:
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / ".prices.py.swp").touch()
    assert sources.find_stale() == ()


def test_an_edit_replaces_all_modules(sources: Sources, package: Path) -> None:
    (package / "prices.py").write_text("value = 2\n")
    assert sources.find_stale() == MODULES


def test_an_edit_of_the_same_length_with_an_old_time_is_seen(sources: Sources, package: Path) -> None:
    """As after `mv`, `git checkout` of a prepared file, or `rsync --times`."""
    before = (package / "prices.py").stat()
    (package / "new.py").write_text("value = 2\n")
    os.replace(package / "new.py", package / "prices.py")
    os.utime(package / "prices.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sources.find_stale() == MODULES


def test_a_deleted_module_is_seen(sources: Sources, package: Path) -> None:
    (package / "prices.py").unlink()
    assert sources.find_stale() == MODULES


def test_a_package_that_takes_the_place_of_a_module_is_seen(sources: Sources, package: Path) -> None:
    (package / "prices").mkdir()
    assert sources.find_stale() == MODULES


def test_a_file_that_was_edited_just_before_its_import_is_not_trusted(package: Path) -> None:
    """A second edit within the same timestamp would be invisible."""
    set_age(package / "prices.py", 1)
    found = Sources(["shop"])
    found.record(time.time())
    assert found.find_stale() == MODULES


def test_other_packages_do_not_count(package: Path) -> None:
    found = Sources(["other"])
    found.record(time.time())
    (package / "prices.py").write_text("value = 2\n")
    assert found.find_stale() == ()
