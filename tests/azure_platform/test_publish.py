"""Publication: what is sent, and that there is exactly one version and one schedule of each kind, whatever happens."""

import json

import pytest
from azure_double.azure import Azure

from mlops.backends.azure.pipelines import AzurePipelines
from mlops.backends.azure.session import AzureSession
from mlops.backends.azure.settings import read_settings
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow


def open_pipelines(workspace: Workspace) -> AzurePipelines:
    return AzurePipelines(AzureSession(read_settings(workspace), workspace))


def test_dump(azure: Azure, workspace: Workspace) -> None:
    published = open_pipelines(workspace).publish("42", "https://build/42")
    print(published)
    print(json.dumps(list(azure.pipelines.modules.values())[1], indent=1)[:6000])
    print(json.dumps(list(azure.pipelines.graphs.values())[0], indent=1)[:9000])
    print([f"{e.request.method} {e.request.host}{e.request.path} {e.status}"[-110:] for e in azure.requests])
