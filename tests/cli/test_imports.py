"""What commands import: without a parent, a command is as slow as its imports.

`tests/end_to_end/test_three_runs.py` has the commands that need a run.
"""

import os

import pytest
from imported import SLOW, list_imported


@pytest.mark.parametrize("words", ["--help", "stauts", "run --al", "status --help"])
def test_help_and_typing_errors_import_no_slow_package(words: str) -> None:
    assert list_imported(os.environ, *words.split()) & SLOW == set()
