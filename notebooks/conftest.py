"""The configuration of nbval: it runs the notebooks in the order of their steps, with a scratch MLOPS_HOME."""

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
    os.environ.setdefault("MLOPS_KERNELS_OWNER", str(os.getpid()))  # warm kernels end with this process


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the services that the notebooks started, and delete the scratch MLOPS_HOME."""
    home = os.environ["MLOPS_HOME"]
    environ = {**os.environ, "MLOPS_OUTPUTS": home}  # otherwise, the command rewrites the index of the project
    subprocess.run([Path(sys.executable).with_name("mlops"), "stop"], env=environ, check=True, capture_output=True)
    shutil.rmtree(home)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each notebook after the notebooks whose results it reads, such as 00_provision after 01_test_data."""
    order = list_notebooks()
    items.sort(key=lambda item: order.index(item.path.stem))
