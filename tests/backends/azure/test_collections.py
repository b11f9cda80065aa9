"""The requests that a service on Azure collects are read by the command line."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from doubles.azure.azure import Azure
from tiny_model import ask, publish, release

from mlops.backends import open_backend
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow


def test_production_collects_into_modeldata_and_the_command_reads_it(
    azure: Azure, workspace: Workspace, tmp_path: Path
) -> None:
    """In a separate process, because aiohttp reads the certificates of the double when it is imported."""
    backend = open_backend("azure", workspace)
    service = release(backend, publish(backend, tmp_path, 4.5, name="gathered"))
    for _ in range(3):
        assert ask(backend, service) == 4.5
    command = [sys.executable, "-m", "mlops", "data", "collected", "--platform", "azure", "--json"]
    deadline = time.monotonic() + 60
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)["versions"]
        if counts.get("gathered version 1") == 3:
            return
        assert time.monotonic() < deadline, counts
        time.sleep(1)
