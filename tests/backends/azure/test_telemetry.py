"""Runs in Application Insights: the data that is sent, and runs that do not fail if it cannot be sent."""

import logging
import threading

import pytest
from doubles.azure.azure import Azure
from doubles.azure.insights import COMPONENT, CONNECTION_STRING, INGESTION
from doubles.azure.routing import make_error

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.telemetry import AzureTelemetry
from mlops.record.ledger import RunRecord, StepRecord
from mlops.workspace import Workspace

RUN = RunRecord(
    run_id="20261123-120000-retrain-00001abc",
    pipeline="retrain",
    platform="azure",
    state="failed",
    outcome="error",
    started="2026-11-23T12:00:00Z",
    finished="2026-11-23T12:01:30Z",
    git_commit="0123abc",
    process=(1, 0.0),
    steps=(
        StepRecord("test_data", "01_test_data", state="reused", started="2026-11-22T12:00:00Z", seconds=3.0),
        StepRecord(
            "train",
            "02_train",
            state="done",
            started="2026-11-23T12:00:05Z",
            seconds=12.5,
            results={"mse": 3075.26, "rows": 354, "training_run": "r1", "promoted": True, "bound": float("inf")},
        ),
        StepRecord(
            "evaluate",
            "03_evaluate",
            state="failed",
            started="2026-11-23T12:00:20Z",
            seconds=0.25,
            error="ValueError: the password *** is wrong",
        ),
        StepRecord("register", "04_register", state="skipped", reason="evaluate failed"),
    ),
)


@pytest.fixture
def telemetry(azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> AzureTelemetry:
    """The platform's telemetry; the connection string is not in the environment."""
    monkeypatch.delenv("APPLICATIONINSIGHTS_CONNECTION_STRING", raising=False)
    return AzureTelemetry(AzureSession(read_settings(workspace), workspace))


def test_a_run_is_a_request_and_its_steps_are_its_dependencies(azure: Azure, telemetry: AzureTelemetry) -> None:
    telemetry.record_run(RUN)

    run, train, evaluate = azure.insights.items
    assert [item["data"]["baseData"]["name"] for item in azure.insights.items] == ["retrain", "train", "evaluate"]
    assert run["data"]["baseType"] == "RequestData"
    assert run["time"] == "2026-11-23T12:00:00Z"
    assert run["tags"]["ai.cloud.role"] == "mlops"
    request = run["data"]["baseData"]
    assert (request["duration"], request["success"]) == ("0.00:01:30.000", False)
    assert request["properties"]["run_id"] == RUN.run_id
    assert request["properties"]["outcome"] == "error"
    assert request["measurements"]["train.mse"] == 3075.26
    for item in (train, evaluate):
        assert item["data"]["baseType"] == "RemoteDependencyData"
        assert item["tags"]["ai.operation.parentId"] == request["id"]
        assert item["tags"]["ai.operation.id"] == run["tags"]["ai.operation.id"]
    assert train["data"]["baseData"]["duration"] == "0.00:00:12.500"
    assert train["data"]["baseData"]["success"] is True
    assert train["data"]["baseData"]["measurements"] == {"mse": 3075.26, "rows": 354.0, "promoted": 1.0}
    assert evaluate["data"]["baseData"]["success"] is False
    assert evaluate["data"]["baseData"]["properties"]["error"] == "ValueError: the password *** is wrong"


def test_one_request_is_made_and_nobody_else_is_told(azure: Azure, telemetry: AzureTelemetry) -> None:
    """The connection string comes from the workspace's component, and the exporter does not report on itself."""
    telemetry.record_run(RUN)
    assert len(azure.find_requests("GET", f"(?i){COMPONENT}")) == 1
    assert [request.host for request in azure.find_requests("POST", "")][-1] == INGESTION
    assert len(azure.find_requests("POST", INGESTION)) == 1


def test_the_environment_wins_and_then_the_workspace_is_not_asked(
    azure: Azure, telemetry: AzureTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", CONNECTION_STRING)
    telemetry.record_run(RUN)
    assert [exchange.request.host for exchange in azure.requests] == [INGESTION]
    assert len(azure.insights.items) == 3


@pytest.mark.parametrize("status", [None, 503, 400])
def test_what_cannot_be_sent_is_logged_not_raised(
    azure: Azure,
    telemetry: AzureTelemetry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int | None,
) -> None:
    """A dropped connection, a busy service or refused data do not fail a successful run."""
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", CONNECTION_STRING)
    azure.fail_next("POST", INGESTION, status and make_error(status, "Error", "no"), times=9)
    before = {*threading.enumerate()}
    with caplog.at_level(logging.WARNING, "mlops"):
        telemetry.record_run(RUN)
    assert RUN.run_id in caplog.text
    assert "Application Insights" in caplog.text
    assert len(azure.find_requests("POST", INGESTION)) <= 2
    started = {thread.name for thread in {*threading.enumerate()} - before}
    assert not started & {"OtelPeriodicExportingMetricReader", "ConfigurationWorker"}  # it would wait 30 s for them


def test_a_variable_that_nobody_has_set_is_logged(
    azure: Azure, telemetry: AzureTelemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Azure Pipelines leaves $(name) unchanged if a variable group has no such secret."""
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", "$(applicationinsights-connection-string)")
    telemetry.record_run(RUN)
    assert "Could not send run" in caplog.text
    assert azure.requests == []


@pytest.mark.parametrize("status", [None, 403, 503])
def test_a_workspace_that_cannot_be_asked_is_logged(
    azure: Azure, telemetry: AzureTelemetry, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    answer = status and make_error(status, "Refused", "not now")
    azure.fail_next("GET", "(?i)/components/", answer, times=9)
    telemetry.record_run(RUN)
    assert RUN.run_id in caplog.text
    assert "Application Insights" in caplog.text


def test_a_workspace_that_is_not_there_is_logged(
    azure: Azure, telemetry: AzureTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    azure.workspaces.exists = False
    telemetry.record_run(RUN)
    assert "no workspace 'mlops-ws'" in caplog.text
