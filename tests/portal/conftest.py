"""The project that the tests of sweeps work on."""

from pathlib import Path

import pytest
from small_sweep import make_project

from mlops.workspace import Workspace


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    """A project whose second notebook is best at x = 3, and fails at x = 5."""
    return make_project(tmp_path)
