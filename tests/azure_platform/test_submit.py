"""Submitted runs: started by REST, really executed from the sources that were sent, seen from outside."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_double.azure import Azure

from diabetes.data import load_sample
from mlops.backends.azure.datasets import AzureDatasets
from mlops.backends.azure.pipelines import AzurePipelines
from mlops.backends.azure.session import AzureSession
from mlops.backends.azure.settings import read_settings
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow


def open_pipelines(workspace: Workspace) -> AzurePipelines:
    return AzurePipelines(AzureSession(read_settings(workspace), workspace))


def test_dump(azure: Azure, workspace: Workspace, project: Path) -> None:
    pipelines = open_pipelines(workspace)
    pipelines.publish("42", "https://build/42")
    data = workspace.home / "diabetes.csv"
    data.parent.mkdir(parents=True)
    load_sample().to_csv(data, index=False)
    AzureDatasets(AzureSession(read_settings(workspace), workspace)).register(data)
    run = pipelines.submit({"caller_run_id": "7"})
    print(run)
    print(azure.pipelines.wait(run.run_id))
    for name in azure.history.runs:
        print(name, azure.history.runs[name]["status"], azure.history.runs[name]["tags"])
        print(azure.logs.read(name))
    print(pipelines.get_run(run.run_id))
    folder = pipelines.fetch_run(run.run_id, workspace.outputs / "fetched")
    print(sorted(path.name for path in folder.rglob("*")))
    for cell in json.loads((folder / "05_create_image.ipynb").read_text())["cells"]:
        for output in cell.get("outputs", []):
            print("\n".join(output.get("traceback", [])))
    print([name for name in azure.blobs.list_names() if "retraining/" in name])
