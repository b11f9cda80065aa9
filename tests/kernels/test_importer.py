"""The order in which a parent imports."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.kernels.parent import importer
from mlops.kernels.parent.importer import Importer

NAMES = ("early", "middle.part", "late")


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importer]:
    """An importer of three small modules, and of nothing else. `late` has slow first-time work."""
    (tmp_path / "middle").mkdir()
    for name in ("early.py", "middle/__init__.py", "middle/part.py"):
        (tmp_path / name).touch()
    (tmp_path / "late.py").write_text("done = []\ndef rehearse():\n    done.append(True)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(importer, "MACHINERY", ())
    monkeypatch.setattr(importer.gc, "freeze", lambda: None)
    yield Importer(NAMES, ["late"], 60)
    for name in (*NAMES, "middle"):
        sys.modules.pop(name, None)


def test_modules_are_imported_in_their_order(modules: Importer) -> None:
    assert not modules.is_expected
    modules.import_next(end_if_late=False)
    assert "early" in sys.modules
    assert modules.pending == ["middle", "late"]


def test_what_notebooks_will_need_comes_first(modules: Importer) -> None:
    modules.expect(["late", "unknown"])
    assert modules.pending == ["late", "early", "middle"]
    assert modules.is_expected
    for _ in ("the import", "the first-time work"):
        modules.import_next(end_if_late=False)
    assert not modules.is_expected


def test_what_a_kernel_waits_for_comes_before_what_others_will_need(modules: Importer) -> None:
    modules.expect(["late"])
    modules.prefer(["middle"])
    assert modules.pending == ["middle", "late", "early"]


def test_a_module_does_its_slow_first_work_in_the_parent(modules: Importer) -> None:
    modules.expect(["late"])
    modules.import_next(end_if_late=False)
    assert sys.modules["late"].done == []
    assert modules.pending == ["early", "middle", "late"]
    assert modules.find_missing(["late"]) == {"late"}
    assert modules.find_missing(["late"], rehearsed=False) == set()
    assert modules.is_expected
    modules.import_next(end_if_late=False)
    assert sys.modules["late"].done == [True]
    assert modules.pending == ["early", "middle"]


def test_slow_first_work_comes_last_if_a_kernel_does_not_wait_for_it(modules: Importer) -> None:
    modules.expect(["late"])
    for _ in NAMES:
        modules.import_next(end_if_late=False, rehearse=False)
    assert set(NAMES[::2]) <= set(sys.modules)
    assert sys.modules["late"].done == []
    modules.import_next(end_if_late=False, rehearse=False)
    assert sys.modules["late"].done == [True]
    assert modules.pending == []


@pytest.mark.usefixtures("modules")
def test_a_package_whose_import_failed_can_be_imported_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A submodule that stays in `sys.modules` would be no attribute of its package after the second import."""
    (tmp_path / "interrupted" / "deeper").mkdir(parents=True)
    begin = "import builtins, interrupted.version, interrupted.deeper.part\n"
    contents = {
        "__init__.py": f"{begin}if not hasattr(builtins, 'enough_time'):\n    raise TimeoutError\n",
        "version.py": "VERSION = 1\n",
        "deeper/__init__.py": "",
        "deeper/part.py": "VERSION = 2\n",
    }
    for name, content in contents.items():
        (tmp_path / "interrupted" / name).write_text(content)
    failing = Importer(["interrupted"], [], 60)
    failing.import_next(end_if_late=False)
    monkeypatch.setattr("builtins.enough_time", True, raising=False)
    try:
        found = importlib.import_module("interrupted")
        assert (found.version.VERSION, found.deeper.part.VERSION) == (1, 2)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "interrupted"]:
            del sys.modules[name]
