"""The connection to a workspace: the requests, and the messages if one fails."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from doubles.azure.azure import Azure
from doubles.azure.names import COMPUTE_ENVIRON, REGISTRY, SUBSCRIPTION, WORKSPACE, WORKSPACE_ID
from doubles.azure.routing import make_error

from mlops.backends import open_backend
from mlops.backends.azure.connection.identity import adopt_compute_identity
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.cli import main
from mlops.errors import PlatformError, UsageError, WorkspaceNotFoundError
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
        WorkspaceNotFoundError,
        match=r"no workspace 'nowhere' in the resource group 'mlops-rg' .*`mlops provision --platform azure`",
    ):
        _ = AzureSession(read_settings(workspace), workspace).workspace


@pytest.mark.parametrize(("status", "advice"), [(403, "This identity needs the roles"), (503, "Azure stayed busy")])
def test_who_cannot_look_is_not_told_that_there_is_none(
    azure: Azure, workspace: Workspace, status: int, advice: str
) -> None:
    azure.fail_next("GET", WORKSPACE_ID, make_error(status, "Refused", "not now"), times=9)
    with pytest.raises(
        PlatformError, match=rf"Could not open the workspace 'mlops-ws'. Azure said: .*not now. {advice}"
    ):
        _ = AzureSession(read_settings(workspace), workspace).workspace


@pytest.mark.parametrize(("named", "refused"), [("", False), (REGISTRY, False), ("mlopsregistry", True)])
def test_a_registry_whose_images_would_start_no_release_is_refused(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, named: str, refused: bool
) -> None:
    monkeypatch.setenv("MLOPS_AZURE_CONTAINER_REGISTRY", named)
    infrastructure = open_backend("azure", workspace).infrastructure
    assert infrastructure is not None
    if not refused:
        infrastructure.require_ready()
        return
    said = f"is 'mlopsregistry', but mlops-ws stores its images in '{REGISTRY}', so new images would not start"
    with pytest.raises(UsageError, match=said):
        infrastructure.require_ready()


def test_a_lost_connection_is_said(azure: Azure, workspace: Workspace) -> None:
    azure.fail_next("GET", WORKSPACE_ID, None, times=99)
    with pytest.raises(PlatformError, match="Could not open the workspace 'mlops-ws': Azure did not answer"):
        _ = AzureSession(read_settings(workspace), workspace).workspace


def stand_on_node(patch: pytest.MonkeyPatch, **other: str) -> None:
    """Turn this process into one of a compute cluster, whose only identity is that of the cluster."""
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        patch.setenv(name, "")  # variables that are set in the meantime are reset
        patch.delenv(name)
    for name, value in {**COMPUTE_ENVIRON, **other}.items():
        patch.setenv(name, value)


def test_a_step_on_a_compute_cluster_is_its_managed_identity(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """test_submit.py shows the same for adlfs, in steps that really run."""
    stand_on_node(monkeypatch)
    backend = open_backend("azure", workspace)
    assert backend.infrastructure is not None
    backend.infrastructure.require_ready()
    (asked,) = azure.find_requests("GET", WORKSPACE_ID)
    assert asked.headers["Authorization"] == f"Bearer {azure.entra.issued[0]}"
    ids = [request.query["clientid"] for request in azure.find_requests("GET", "identity.node")]
    assert set(ids) == {COMPUTE_ENVIRON["DEFAULT_IDENTITY_CLIENT_ID"]}


@pytest.mark.parametrize(
    ("environ", "client"),
    [
        ({"DEFAULT_IDENTITY_CLIENT_ID": "clientid"}, None),
        ({}, None),
        ({"DEFAULT_IDENTITY_CLIENT_ID": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "AZURE_CLIENT_ID": "mine"}, "mine"),
    ],
    ids=["a compute without one", "no compute", "a chosen one"],
)
def test_no_other_identity_is_replaced(environ: dict[str, str], client: str | None) -> None:
    adopt_compute_identity(environ)
    assert environ.get("AZURE_CLIENT_ID") == client


COMMANDS = (
    "status",
    "publish",
    "submit retrain",
    "runs",
    "runs x --cancel",
    "keys qa",
    "stop",
    "rollback",
    "run release",
    "run retrain",
    "provision --what-if",
    "provision --delete",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_who_is_not_let_in_is_told_in_one_line_before_anything_runs(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    monkeypatch.setenv("MLOPS_HOME", str(workspace.home))
    monkeypatch.setenv("MLOPS_OUTPUTS", str(workspace.outputs))
    shown = CliRunner().invoke(main, [*command.split(), "--platform", "azure"])
    assert (shown.exit_code, type(shown.exception)) == (1, SystemExit)
    (line,) = [line for line in shown.output.splitlines() if line.startswith("mlops: ")]
    said = "Could not log in to Azure. Azure said: AADSTS7000215: Invalid client secret provided."
    assert line == f"mlops: {said} Run `az login`, or renew the secret of the identity, then try again."
    assert not workspace.outputs.exists()


def test_a_run_without_a_subscription_begins_nothing(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPS_AZURE_SUBSCRIPTION_ID")
    monkeypatch.setenv("MLOPS_OUTPUTS", str(workspace.outputs))
    shown = CliRunner().invoke(main, ["run", "retrain", "--platform", "azure"])
    assert (shown.exit_code, "No subscription is set" in shown.output) == (2, True)
    assert not workspace.outputs.exists()


def test_every_command_that_a_message_names_is_for_this_platform(project: Path) -> None:
    """If it is pasted unchanged, it must not act on the local platform."""
    found = []
    for path in (project / "src" / "mlops" / "backends" / "azure").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        docs = [node.value for node in nodes if isinstance(node, ast.Expr)]
        texts = [node.value for node in nodes if isinstance(node, ast.Constant) and node not in docs]
        found += [(path.name, command) for text in texts for command in re.findall(r"`mlops [^`]+`", str(text))]
    assert len(found) > 10
    assert [item for item in found if "--platform azure" not in item[1]] == []


def test_without_a_subscription_nothing_is_asked(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPS_AZURE_SUBSCRIPTION_ID")
    with pytest.raises(UsageError, match="MLOPS_AZURE_SUBSCRIPTION_ID"):
        _ = AzureSession(read_settings(workspace), workspace).workspace
    assert azure.requests == []


@pytest.mark.slow
def test_the_sdk_prints_nothing_when_a_process_ends(workspace: Workspace) -> None:
    """Since Python 3.12, no thread can start at that time, but the log handler of the SDK starts one."""
    code = (
        "from azureml.data._loggerfactory import _LoggerFactory\n"
        "from mlops.backends import open_backend\nfrom mlops.workspace import find_workspace\n"
        "open_backend('azure', find_workspace())\n"
        "print(_LoggerFactory.get_logger('sdk').handlers)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=workspace.project, capture_output=True, text=True, check=True)
    assert "AppInsightsLoggingHandler" in done.stdout
    assert done.stderr == ""
