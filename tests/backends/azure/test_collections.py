"""The requests that a service on Azure collects are read by the command line."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from doubles.azure.azure import Azure
from tiny_model import ask, deploy, publish, release

from mlops.backends import open_backend
from mlops.serving.collection.packing import hash_text
from mlops.serving.identity import REGISTERED
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow


def test_production_collects_into_modeldata_and_the_command_reads_it(
    azure: Azure, workspace: Workspace, tmp_path: Path
) -> None:
    backend = open_backend("azure", workspace)
    service = release(backend, publish(backend, tmp_path, 4.5, name="gathered"))
    for _ in range(3):
        assert ask(backend, service) == 4.5
    wait_collected("gathered version 1", 3)


def test_the_settings_reach_the_containers_of_qa_and_production(
    azure: Azure, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashed columns, the share and the close interval; QA collects with the connection string in a secret."""
    monkeypatch.setenv("MLOPS_SECRET_COLLECTION_KEY", "key-of-the-hashes")
    monkeypatch.setenv("MLOPS_SECRET_ACCOUNT", azure.blobs.azurite.connection_string)
    monkeypatch.setenv("MLOPS_AZURE_QA_COLLECT_SECRET", "account")
    monkeypatch.setenv("MLOPS_AZURE_COLLECT_HASHED", "a")
    monkeypatch.setenv("MLOPS_AZURE_COLLECT_CLOSE_SECONDS", "1")
    azure.blobs.azurite.make_container("modeldata")
    backend = open_backend("azure", workspace)
    image = publish(backend, tmp_path, 4.5, name="hashed")
    began = datetime.now(UTC).isoformat()  # other tests collect the same column without hashing it
    service = deploy(backend, "qa", image)
    backend.services.record_test("qa", image.digest, passed=True)
    production = deploy(backend, "production", image)
    assert ask(backend, production) == 4.5
    assert [ask(backend, service) for _ in range(2)] == [4.5, 4.5]
    output = tmp_path / "rows.csv"
    for environment, count in (("qa", 2), ("production", 1)):
        chosen = ("--environment", environment, "--from", began, "--output", str(output))
        wait_collected("hashed version 1", count, *chosen)
        hashes = pd.read_csv(output)["a"]
        assert len(hashes) == count
        assert {*hashes} == {hash_text(b"key-of-the-hashes", "1.0")}
    for asked in (found.asked for found in azure.web_services.services.values()):
        variables = asked["environmentImageRequest"]["environment"]["environmentVariables"]
        assert variables["APP_INSIGHTS_LOG_RESPONSE_ENABLED"] == "false"
        assert float(variables[REGISTERED]) == datetime(2026, 11, 22, 9, tzinfo=UTC).timestamp()  # says the double


def wait_collected(version: str, count: int, *options: str) -> None:
    """Wait until `mlops data collected` counts as many rows of a version.

    It runs in a separate process, because aiohttp reads the certificates of the double when it is imported.
    """
    command = [sys.executable, "-m", "mlops", "data", "collected", "--platform", "azure", "--json", *options]
    deadline = time.monotonic() + 60
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)["versions"]
        if counts.get(version) == count:
            return
        assert time.monotonic() < deadline, counts
        time.sleep(1)
