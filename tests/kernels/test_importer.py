"""The order in which a parent imports."""

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
