"""The way to a workspace: who is asked what, and what is said when it fails."""

import pytest
from azure_double.azure import Azure
from azure_double.names import SUBSCRIPTION, WORKSPACE, WORKSPACE_ID

from mlops.backends.azure.session import AzureSession
from mlops.backends.azure.settings import read_settings
from mlops.errors import NotFoundError, UsageError
from mlops.workspace import Workspace


def test_a_session_opens_the_workspace_that_the_settings_name(azure: Azure, workspace: Workspace) -> None:
    opened = AzureSession(read_settings(workspace), workspace).workspace
    assert (opened.name, opened.subscription_id) == (WORKSPACE, SUBSCRIPTION)
    (asked,) = azure.find_requests("GET", WORKSPACE_ID)
    assert asked.headers["Authorization"] == f"Bearer {azure.entra.issued[0]}"


def test_a_workspace_that_is_not_there_says_what_to_check(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_AZURE_WORKSPACE", "nowhere")
    with pytest.raises(
        NotFoundError, match=r"no workspace 'nowhere' in the resource group 'mlops-rg'.*`mlops provision`"
    ):
        _ = AzureSession(read_settings(workspace), workspace).workspace


def test_without_a_subscription_nothing_is_asked(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPS_AZURE_SUBSCRIPTION_ID")
    with pytest.raises(UsageError, match="MLOPS_AZURE_SUBSCRIPTION_ID"):
        _ = AzureSession(read_settings(workspace), workspace).workspace
    assert azure.requests == []
