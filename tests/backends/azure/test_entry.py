"""The image gives the same answers under Azure's inference server as under ours."""

import gzip
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import requests
from collected import list_requests, read_uploads
from doubles.azure.azurite import Azurite
from doubles.azure.inference import InferenceServer, reserve_port
from doubles.azure.insights import KEY as INSTRUMENTATION_KEY
from ingestion import open_ingestion

from mlops.backends.local.services.processes import wait_ready
from mlops.image.bundle import build_bundle
from mlops.image.sources import ImageSources
from mlops.release.service_checks import check_refusals
from mlops.serving.collection.opening import SETTINGS
from mlops.serving.collection.segments import Segment, decode_segment, find_day, name_segment
from mlops.serving.collection.settings import Settings
from mlops.serving.collection.stores import ENDING, open_store
from mlops.serving.collection.unpacking import unpack_predictions, unpack_rows
from mlops.serving.heads import MAX_BODY
from mlops.serving.schema import decode_schema
from mlops.serving.telemetry.__main__ import ACTIVE

KEY = "the-primary-key"
IDS = {"x-ms-request-id": "order-7", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
SHOWN = ("content-type", "x-model-name", "x-model-version", "x-image-digest", *IDS)
SCRIPT = """
import json, os
def init():
    global weight
    weight = json.load(open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.json")))["weight"]
def run(data):
    if data.shape[1] != 2:
        raise ValueError(f"a row has {data.shape[1]} numbers; it needs 2: a, b")
    if data[0, 0] == 666:
        raise RuntimeError("secret details")
    return data.sum(axis=1) * weight
"""
PLANS = """
from features import join
def init(): pass
def run(data):
    return join(data)
"""
FEATURES = """
def join(data):
    return [[len(plan) / 8, float(joined == joined)] for plan, joined in zip(data["plan"], data["joined"])]
"""
NUMBERS = {"format": 1, "features": [{"name": "a"}, {"name": "b"}], "answer": {"kind": "number"}}
SCHEMA = {
    "format": 1,
    "features": [
        {"name": "plan", "kind": "category", "allowed": ["basic", "plus"]},
        {"name": "joined", "kind": "date", "missing": True},
        {"name": "fee"},
    ],
    "answer": {"kind": "category", "classes": ["leaves", "stays"]},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of an image."""
    folder = tmp_path_factory.mktemp("image")
    for name, content in (("score.py", SCRIPT), ("model.json", '{"weight": 2}'), ("requirements.txt", "")):
        (folder / name).write_text(content)
    build_bundle(
        folder / "root" / "bundle",
        ImageSources(folder, folder / "score.py", folder / "requirements.txt", (), json.dumps(NUMBERS).encode()),
        model_name="tiny",
        model_version=3,
        model_files=[folder / "model.json"],
        example=[[1.0, 2.0]],
    )
    return folder / "root" / "bundle"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """The content of an image that accepts records, whose script imports a module beside it."""
    for name, content in (("score.py", PLANS), ("features.py", FEATURES), ("requirements.txt", "")):
        (tmp_path / name).write_text(content)
    lock, schema = tmp_path / "requirements.txt", json.dumps(SCHEMA).encode()
    build_bundle(
        tmp_path / "root" / "bundle",
        ImageSources(tmp_path, tmp_path / "score.py", lock, (tmp_path / "features.py",), schema),
        model_name="plans",
        model_version=3,
        model_files=[],
        example=[],
    )
    return tmp_path / "root" / "bundle"


def start(bundle: Path, **environ: str) -> InferenceServer:
    """Start Azure's server on a bundle, with the variables that Azure sets."""
    entry = {"AZUREML_ENTRY_SCRIPT": f"{bundle.name}/serving/azure_entry.py", "AZUREML_SOURCE_DIRECTORY": bundle.name}
    return InferenceServer(bundle.parent, {**entry, **environ})


@pytest.fixture(scope="module")
def theirs(bundle: Path) -> Iterator[str]:
    """The address of the image under Azure's server."""
    server = start(bundle)
    assert server.wait(60), server.log
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def ours(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the image under our server."""
    folder = tmp_path_factory.mktemp("ours")
    (folder / "keys.json").write_text(json.dumps({"primary": KEY}))
    ready = folder / "ready.json"
    words = ["-m", "serving", "--bundle", bundle, "--keys", folder / "keys.json", "--port", "0", "--ready", ready]
    process = subprocess.Popen([sys.executable, *map(str, words)], cwd=bundle, stdin=subprocess.PIPE)
    yield f"http://127.0.0.1:{wait_ready(process, ready, 60, 'tiny').port}"
    process.kill()
    process.communicate(timeout=10)


def post(url: str, body: bytes, **changed: str) -> tuple[int, dict[str, str], str]:
    """Post a body, and return status, some headers and body of the answer."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **IDS, **changed}
    answer = requests.post(f"{url}/score", data=body, headers=headers, timeout=20)
    return answer.status_code, {name: answer.headers.get(name, "") for name in SHOWN}, answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"data": [[1, 2], [3, 4.5]]}', 200),
        (b'{"data": [[0.1, 0.2]]}', 200),
        (b"{data", 400),
        (b"", 400),
        (b'{"data": NaN}', 400),
        (b"[[1, 2]]", 422),
        (b'{"rows": [[1, 2]]}', 422),
        (b'{"data": []}', 422),
        (b'{"data": [[1]]}', 422),
        (b'{"data": [[1, 2], [1]]}', 422),
        (b'{"data": [["1", "2"]]}', 422),
        (b'{"data": [[true, 2]]}', 422),
        (b'{"data": [[1e308, 1e308]]}', 500),
        (b'{"data": [[666, 2]]}', 500),
        (b" " * (MAX_BODY + 1), 413),
    ],
)
def test_both_servers_give_the_same_answer(ours: str, theirs: str, body: bytes, status: int) -> None:
    answer = post(theirs, body)
    assert answer == post(ours, body)
    assert answer[0] == status
    assert answer[1].items() >= {"x-model-name": "tiny", "x-model-version": "3", **IDS}.items()
    assert "secret details" not in answer[2]


@pytest.mark.parametrize("changed", [{"Content-Type": "text/csv"}, {"Content-Encoding": "gzip"}])
def test_both_refuse_another_content(ours: str, theirs: str, changed: dict[str, str]) -> None:
    assert post(theirs, b"1,2", **changed) == post(ours, b"1,2", **changed)
    assert post(theirs, b"1,2", **changed)[0] == 415


@pytest.mark.parametrize("body", [b'{"data": [[1, 2]]}', b"{data"])
def test_both_give_a_request_an_id(ours: str, theirs: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for url in (ours, theirs):
        answers = [requests.post(f"{url}/score", data=body, headers=headers, timeout=20) for _ in range(2)]
        first, second = (answer.headers["x-ms-request-id"] for answer in answers)
        assert 32 <= len(first) <= 36
        assert first != second
        assert answers[0].json().get("request_id") in (None, first)


def test_both_refuse_a_large_body_that_does_not_say_so(ours: str, theirs: str) -> None:
    def send(url: str) -> int:
        chunks = (b" " * (1 << 20) for _ in range(9))
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        return requests.post(f"{url}/score", data=chunks, headers=headers, timeout=20).status_code

    assert (send(ours), send(theirs)) == (413, 413)


def test_paths_and_methods(theirs: str) -> None:
    assert requests.get(theirs, timeout=60).status_code == 200  # the probe of Azure
    refused = requests.get(f"{theirs}/score", timeout=60)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert requests.post(f"{theirs}/nothing", timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("version", "name"), [("2", "swagger.json"), ("3", "openapi-3.0.json"), ("3.1", "openapi.json")]
)
def test_azure_s_server_returns_the_descriptions_of_the_image(
    theirs: str, bundle: Path, version: str, name: str
) -> None:
    described = requests.get(f"{theirs}/swagger.json?version={version}", timeout=5).json()
    assert described == json.loads((bundle / name).read_text())


def test_the_service_test_finds_what_the_script_must_refuse(theirs: str) -> None:
    """Azure's server in front of the image makes the two checks of the key."""
    checks = check_refusals(theirs, KEY, [[1.0, 2.0], [3.0, 4.0]], decode_schema(json.dumps(NUMBERS).encode()))
    assert [check.name for check in checks if not check.passed] == ["no key", "a wrong key"]


def test_a_bundle_that_was_changed_does_not_start(bundle: Path, tmp_path: Path) -> None:
    changed = copy(bundle, tmp_path)
    (changed / "model" / "model.json").write_text('{"weight": 3}')
    server = start(changed)
    assert not server.wait(60), server.log
    assert "model/model.json has changed since tiny:3 was created" in server.log
    server.stop()


def test_no_other_program_gets_the_port_of_a_server_that_starts() -> None:
    reserved = reserve_port()
    with reserved, socket.socket() as other, socket.socket() as server:
        with pytest.raises(OSError, match="Address already in use"):
            other.bind(reserved.getsockname())
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("", reserved.getsockname()[1]))
        server.listen()


@pytest.mark.slow
def test_requests_are_collected_in_the_container_modeldata(records: Path, azurite: Azurite, tmp_path: Path) -> None:
    server = start_collecting(records, azurite, tmp_path)
    rows = [{"plan": "basic", "joined": "2024-01-31", "fee": 20}, {"plan": "plus", "joined": None, "fee": 1}]
    assert post(server.url, json.dumps({"data": rows}).encode())[0] == 200
    assert post(server.url, json.dumps({"data": [{**rows[0], "plan": "gold"}]}).encode())[0] == 422
    name, segment = wait_for_upload(server, azurite, tmp_path)
    assert re.fullmatch(r"plans/3/\d{4}-\d\d-\d\d/[^/]+\.segment\.gz", name)
    (record,) = segment.turns[0].records
    columns = unpack_rows(segment.header, [record])
    assert {key: values.tolist() for key, values in columns.items() if key != "joined"} == {
        "plan": ["basic", "plus"],
        "fee": [20.0, 1.0],
    }
    assert columns["joined"].astype("datetime64[D]").astype(str).tolist() == ["2024-01-31", "NaT"]
    assert unpack_predictions(segment.header, [record])[0].tolist() == [[0.625, 1.0], [0.5, 0.0]]


@pytest.mark.slow
def test_requests_of_a_script_that_reads_the_body_are_collected_as_text(azurite: Azurite, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def init(): pass\ndef run(raw_data): return len(raw_data)\n")
    (tmp_path / "requirements.txt").write_text("")
    build_bundle(
        tmp_path / "root" / "bundle",
        ImageSources(tmp_path, tmp_path / "score.py", tmp_path / "requirements.txt"),
        model_name="texts",
        model_version=3,
        model_files=[],
        example=[],
    )
    server = start_collecting(tmp_path / "root" / "bundle", azurite, tmp_path)
    assert post(server.url, b"four")[2] == "4"
    _, segment = wait_for_upload(server, azurite, tmp_path)
    (record,) = segment.turns[0].records
    assert record.request == IDS["x-ms-request-id"]
    assert unpack_rows(segment.header, [record])["request"].tolist() == ["four"]
    assert unpack_predictions(segment.header, [record])[0].tolist() == ["4"]


@pytest.mark.slow
def test_a_share_of_the_requests_is_collected_and_old_uploads_are_deleted(
    bundle: Path, azurite: Azurite, tmp_path: Path
) -> None:
    azurite.make_container("modeldata")
    url, options = f"az://modeldata/{tmp_path.name}", {"connection_string": azurite.connection_string}
    store, today = open_store(url, options), datetime.now(UTC)
    old, kept = (name_segment(int((today - timedelta(days=days)).timestamp() * 1e9)) for days in (32, 29))
    for name in (old, kept):
        store.write(f"tiny/2/{find_day(name)}/{name}{ENDING}", b"")
    store.write("tiny/2/notes.segment.gz", b"not a segment")
    given = Settings(folder="", share=0.3, segment_seconds=1.0, retention_days=30)
    settings = {SETTINGS: msgspec.json.encode(given).decode()}
    server = start_collecting(copy(bundle, tmp_path), azurite, tmp_path, **settings)
    for number in range(200):
        assert post(server.url, b'{"data": [[1, 2]]}', **{"x-ms-request-id": f"r{number}"})[0] == 200
    deadline = time.monotonic() + 60
    while any((tmp_path / "collected").glob("*.open")) or any((tmp_path / "collected").glob("*.segment")):
        assert time.monotonic() < deadline, server.log
        time.sleep(0.5)
    server.stop()
    names = {*store.list_names()}
    before = {name for name in names if name.startswith("tiny/2/")}
    assert before == {"tiny/2/notes.segment.gz", f"tiny/2/{find_day(kept)}/{kept}{ENDING}"}
    segments = [decode_segment(gzip.decompress(store.read(name))) for name in names - before]
    assert {segment.header.share for segment in segments if segment} == {0.3}
    found = list_requests([segment for segment in segments if segment])
    assert len(found) == len({*found}) == pytest.approx(60, abs=4 * 6.5)  # 6.5 is the standard deviation


def start_collecting(bundle: Path, azurite: Azurite, folder: Path, **variables: str) -> InferenceServer:
    """Start Azure's server with the variables of a service that collects in a folder of the container `modeldata`."""
    azurite.make_container("modeldata")
    server = start(
        bundle,
        AML_MODEL_DC_STORAGE_ENABLED="true",
        AML_MODEL_DC_STORAGE=azurite.connection_string,
        SERVICE_NAME=folder.name,
        TMPDIR=str(folder),
        **variables,
    )
    assert server.wait(60), server.log
    return server


def wait_for_upload(server: InferenceServer, azurite: Azurite, folder: Path) -> tuple[str, Segment]:
    """Wait for the only upload of a server, stop the server, and return the name and the content of the upload."""
    url, options = f"az://modeldata/{folder.name}", {"connection_string": azurite.connection_string}
    deadline = time.monotonic() + 60
    while not (uploads := read_uploads(url, options)):
        assert time.monotonic() < deadline, server.log
        time.sleep(0.5)
    server.stop()
    ((name, segment),) = uploads.items()
    return name, segment


def test_without_a_storage_account_it_says_so_and_serves(bundle: Path, tmp_path: Path) -> None:
    server = start(copy(bundle, tmp_path), AML_MODEL_DC_STORAGE_ENABLED="true")
    assert server.wait(60), server.log
    assert post(server.url, b'{"data": [[1, 2]]}')[0] == 200
    assert "Requests are NOT collected, because AML_MODEL_DC_STORAGE has no connection string." in server.log
    server.stop()


@pytest.mark.parametrize("enabled", ["false", pytest.param("true", marks=pytest.mark.slow)])
def test_requests_failures_and_metrics_are_reported_once_to_application_insights(
    bundle: Path, tmp_path: Path, enabled: str
) -> None:
    """If Azure enabled its own reports of requests, only failures and metrics are added to them."""
    with open_ingestion() as ingestion:
        server = start(
            copy(bundle, tmp_path),
            APPLICATIONINSIGHTS_CONNECTION_STRING=ingestion.connection_string,
            SERVING_TELEMETRY_SHARE="1",
            AML_APP_INSIGHTS_ENABLED=enabled,
            AML_APP_INSIGHTS_KEY=INSTRUMENTATION_KEY,
            SERVICE_NAME="tiny-qa",
            SERVING_MODEL_REGISTERED=str(time.time() - 3600),
            TMPDIR=str(tmp_path),
        )
        assert server.wait(60), server.log
        statuses = [post(server.url, b'{"data": [[%d, 2]]}' % number)[0] for number in (1, 666)]
        ingestion.wait(lambda: (tmp_path / "mlops-metrics" / ACTIVE).exists())
        time.sleep(0.5)  # the sender has the lock, and now opens the pipe
        server.end()
        ingestion.wait(lambda: bool(ingestion.find("MetricData", "mlops_requests")))
        ingestion.wait(lambda: len(ingestion.find("RequestData")) == 2)
        server.stop()
    assert statuses == [200, 500]
    assert len(ingestion.find("RequestData")) == 2
    ours = [item for item in ingestion.items if "digest" in item["data"]["baseData"]["properties"]]
    requests = [item["data"]["baseData"] for item in ours if item["data"]["baseType"] == "RequestData"]
    assert [(one["responseCode"], one.get("measurements")) for one in requests] == (
        [] if enabled == "true" else [("200", {"rows": 1}), ("500", None)]
    )
    for name, lowest in (("mlops_model_age_seconds", 3600), ("mlops_request_rows", 1)):
        (metric,) = ingestion.find("MetricData", name)
        assert lowest <= metric["data"]["baseData"]["metrics"][0]["value"] < lowest + 600
    (failure,) = (item for item in ours if item["data"]["baseType"] == "ExceptionData")
    assert failure["data"]["baseData"]["problemId"] == "RuntimeError in run (score.py:10)"
    assert failure["tags"]["ai.operation.id"] == "a" * 32
    assert failure["tags"]["ai.cloud.role"] == "tiny-qa"
    assert b"secret details" not in b"".join(ingestion.bodies)


def copy(bundle: Path, folder: Path) -> Path:
    """Copy a bundle to a separate root folder."""
    return Path(shutil.copytree(bundle, folder / "root" / "bundle"))
