"""A service reports requests, failures and metrics to Application Insights, in real HTTP requests."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from collected import list_requests, read_local
from doubles.azure.insights import KEY as INSTRUMENTATION_KEY
from ingestion import Ingestion, open_ingestion
from server_process import KEY, ServerProcess, exchange, make_request, start_server

from mlops.serving.collection.settings import SETTINGS_FILE, Settings
from mlops.serving.telemetry.families import describe_telemetry
from mlops.serving.telemetry.pipe import FILE
from mlops.serving.telemetry.settings import CONNECTION_STRING, SHARE

SCRIPT = """
import os
def init(): pass
def run(data):
    if data[0, 0] == 66600.125:
        return {}[f"customer {data[0, 0]}"]
    return data[:, 0] * 0 + ("APPLICATIONINSIGHTS_CONNECTION_STRING" in os.environ)
"""
Reported = tuple[Ingestion, ServerProcess, Path]
TRACE, PARENT = "a" * 32, "b" * 16
TRACED = f"traceparent: 00-{TRACE}-{PARENT}-01".encode()


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    """What a service reported until it ended, the server, and the folder with its metrics."""
    folder = tmp_path_factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patch, open_ingestion() as ingestion:
        patch.setenv(CONNECTION_STRING, ingestion.connection_string)
        patch.setenv(SHARE, "1")
        with start_server(folder, script=SCRIPT) as server:
            with server.connect() as client:
                for name, value, *headers in (
                    ("good", "4711.25", TRACED),
                    ("wrong", '"x"'),
                    ("failing", "66600.125"),
                ):
                    body = b'{"data": [[%s]]}' % value.encode()
                    named = f"x-ms-request-id: {name}".encode()
                    answer = exchange(client, make_request(b"POST", b"/score", body, named, *headers))
                    assert name != "good" or answer[2] == b'{"result":[0.0]}'  # the script gets no secret
                exchange(client, make_request(b"GET", b"/readyz", b""))
            descendants = psutil.Process(server.popen.pid).children(recursive=True)
            arguments = " ".join(word for process in descendants for word in process.cmdline())
            assert INSTRUMENTATION_KEY not in arguments
            (sender,) = (process for process in descendants if "serving.telemetry" in process.cmdline())
            ingestion.wait(lambda: reads(sender.pid, folder / "metrics" / FILE))
            server.popen.terminate()
            server.popen.wait(30)
            psutil.wait_procs(descendants, 30)
        yield ingestion, server, folder / "metrics"


def test_requests_are_reported_with_their_trace_and_their_model(
    reported: Reported,
) -> None:
    ingestion, _, _ = reported
    good, wrong, failing = sorted(
        ingestion.find("RequestData"), key=lambda item: ["good", "wrong", "failing"].index(find_id(item))
    )
    assert good["tags"]["ai.operation.id"] == TRACE
    assert good["tags"]["ai.operation.parentId"] == PARENT
    assert good["tags"]["ai.application.ver"] == "1"
    assert good["tags"]["ai.cloud.role"] == "tiny"
    assert good["tags"]["ai.cloud.roleInstance"] == socket.gethostname()
    assert "ai.operation.parentId" not in wrong["tags"]
    assert good["sampleRate"] == 100
    data = [item["data"]["baseData"] for item in (good, wrong, failing)]
    assert [(one["responseCode"], one["success"], one["name"]) for one in data] == [
        ("200", True, "POST /score"),
        ("422", False, "POST /score"),
        ("500", False, "POST /score"),
    ]
    assert [one.get("measurements") for one in data] == [{"rows": 1}, None, None]
    assert data[0]["properties"]["model_name"] == "tiny"
    assert data[0]["properties"]["digest"].startswith("sha256:")


def test_a_failure_is_reported_with_its_place_and_its_request_but_without_its_message(
    reported: Reported,
) -> None:
    ingestion, _, _ = reported
    (failure,) = ingestion.find("ExceptionData")
    (request,) = (item for item in ingestion.find("RequestData") if find_id(item) == "failing")
    assert failure["tags"]["ai.operation.id"] == request["tags"]["ai.operation.id"]
    assert failure["tags"]["ai.operation.parentId"] == request["data"]["baseData"]["id"]
    (said,) = failure["data"]["baseData"]["exceptions"]
    assert (said["typeName"], said["message"]) == ("KeyError", "KeyError in run (score.py:6)")
    assert said["parsedStack"][0] == {"level": 0, "method": "run", "assembly": "", "fileName": "score.py", "line": 6}
    assert find_id(failure) == "failing"


def test_metrics_are_reported_as_increases(reported: Reported) -> None:
    ingestion, _, _ = reported
    answered = {
        item["data"]["baseData"]["properties"]["status"]: item["data"]["baseData"]["metrics"][0]["value"]
        for item in ingestion.find("MetricData", "mlops_requests")
        if item["data"]["baseData"]["properties"]["path"] == "/score"
    }
    assert answered == {"200": 1, "422": 1, "500": 1}
    (duration,) = ingestion.find("MetricData", "mlops_request_duration_seconds")
    point = duration["data"]["baseData"]["metrics"][0]
    assert point["count"] == 1
    assert 0 < point["value"] < 60
    assert point["min"] <= point["value"] <= point["max"]


def test_neither_rows_nor_keys_are_reported_and_the_log_has_no_connection_string(
    reported: Reported,
) -> None:
    ingestion, server, _ = reported
    sent = b"".join(ingestion.bodies)
    for secret in (b"4711.25", b"66600.125", b"customer", KEY.encode()):
        assert secret not in sent
    log = server.log.read_text()
    assert INSTRUMENTATION_KEY not in log
    assert "Application Insights did not accept" not in log


def test_the_service_counts_what_was_sent(reported: Reported) -> None:
    ingestion, _, folder = reported
    sent, dropped = (family.samples[0].value for family in describe_telemetry(folder))
    assert (sent, dropped) == (len(ingestion.items), 0)


def test_a_silent_endpoint_and_a_killed_sender_cost_neither_an_answer_nor_a_collected_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, segments = tmp_path / "collection.json", tmp_path / "segments"
    settings.write_bytes(msgspec.json.encode(Settings(folder=str(segments))))
    monkeypatch.setenv(SETTINGS_FILE, str(settings))
    monkeypatch.setenv(SHARE, "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts connections, but never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv(CONNECTION_STRING, f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={url}")
        with start_server(tmp_path, script=SCRIPT) as server:
            (sender,) = (one for one in server.list_workers() if "serving.telemetry" in one.cmdline())
            statuses = []
            with server.connect() as client:
                for number in range(600):  # more than a batch, so the sender waits for the endpoint
                    named = f"x-ms-request-id: {number}".encode()
                    statuses.append(exchange(client, make_request(b"POST", b"/score", b'{"data": [[1]]}', named))[0])
                    if number == 400:
                        sender.kill()
            server.popen.terminate()
            server.popen.wait(30)
    assert statuses == [200] * 600
    assert sorted(map(int, list_requests(read_local(segments)))) == [*range(600)]


def test_a_wrong_connection_string_is_logged_without_its_value_and_the_service_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, "InstrumentationKey=$(not-set);IngestionEndpoint=https://a.example.com")
    with start_server(tmp_path, script=SCRIPT) as server, server.connect() as client:
        assert exchange(client, make_request())[0] == 200
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    (said,) = (line["message"] for line in lines if line["level"] == "error")
    assert said == (
        "Nothing is reported to Application Insights. APPLICATIONINSIGHTS_CONNECTION_STRING has no valid "
        "InstrumentationKey. Copy the connection string from the Azure portal."
    )


def reads(pid: int, pipe: Path) -> bool:
    """Return whether a process has opened a pipe."""
    return any(os.path.realpath(link) == str(pipe) for link in Path(f"/proc/{pid}/fd").iterdir())


def find_id(item: dict[str, dict[str, dict[str, dict[str, str]]]]) -> str:
    """Return the id of the request of an item."""
    return item["data"]["baseData"]["properties"]["request_id"]
