"""nbval runs the notebooks on a scratch state, in the order of their steps, and never touches the user's registry."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mlops.pipelines import list_notebooks


def pytest_configure(config: pytest.Config) -> None:
    """Point the kernels to a scratch MLOPS_HOME."""
    os.environ["MLOPS_HOME"] = tempfile.mkdtemp(prefix="mlops-nbval-")
    os.environ.setdefault("MLOPS_KERNELS_OWNER", str(os.getpid()))  # the warm kernels and their parent end with it


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the services that the notebooks have started there, and take it away."""
    subprocess.run([Path(sys.executable).with_name("mlops"), "stop"], check=True, capture_output=True)
    shutil.rmtree(os.environ["MLOPS_HOME"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each notebook after those whose results it reads: 00_provision registers what passed 01_test_data."""
    order = list_notebooks()
    items.sort(key=lambda item: order.index(item.path.stem))
