"""What several unit tests read: the sample of the problem, and its reference profile."""

from pathlib import Path

import pandas as pd
import pytest

from diabetes.data import load_sample
from mlops.data.profile import Profile, read_profile


@pytest.fixture(scope="session")
def reference(project: Path) -> Profile:
    """The reference profile that comes with the problem."""
    return read_profile(project / "src" / "diabetes" / "reference_profile.json")


@pytest.fixture
def good() -> pd.DataFrame:
    """The data file that must pass: 442 rows, 11 columns; a fresh one for each test."""
    return load_sample()
