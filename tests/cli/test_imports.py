"""What commands import: without a parent, a command is as slow as its imports.

`tests/end_to_end/test_three_runs.py` has the commands that need a run.
"""

import os
from pathlib import Path

import pytest
from imported import SLOW, list_imported


@pytest.mark.parametrize("words", ["--help", "stauts", "run --al", "status --help"])
def test_help_and_typing_errors_import_no_slow_package(words: str) -> None:
    assert list_imported(os.environ, *words.split()) & SLOW == set()


def test_a_profile_on_this_machine_imports_no_dask(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x\n1\n2\n")
    assert not list_imported(os.environ, "profile", str(tmp_path / "data.csv")) & {"dask", "distributed"}
