"""A run whose executed copies equal the committed notebooks."""

from pathlib import Path

import pytest
from shown import write_checked_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of the notebook "01_n" in two environments, and one that was skipped; its notebooks are beside it."""
    return write_checked_run(tmp_path)
