"""The contract of entry scripts: the same assertions for Azure's server and for ours."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import entry_scripts
import pytest
import requests
from doubles.azure.inference import InferenceServer
from openapi_spec_validator import validate
from served import serve

from mlops.image.bundle import build_bundle
from mlops.image.openapi import describe_service
from mlops.image.sources import ImageSources
from mlops.serving.app import Application
from mlops.serving.entry.scorer import describe_script, open_scorer
from mlops.serving.script import load_script

KEY = "the-key"
WEIGHT = '{"weight": 2}'
SERVERS = [
    "ours",
    pytest.param("azure", marks=pytest.mark.slow),  # the script alone
    pytest.param("image", marks=pytest.mark.slow),  # our image under Azure's server
]

Open = Callable[[str], str]


@pytest.fixture(scope="module", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    """The server."""
    return str(request.param)


@pytest.fixture(scope="module")
def open_server(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Start a server for a script, unless it is running, and return its address."""
    start = {"ours": start_ours, "azure": start_azure, "image": start_image}[kind]
    with ExitStack() as stack:
        urls: dict[str, str] = {}

        def open_once(script: str) -> str:
            if script not in urls:
                urls[script] = start(stack, tmp_path_factory.mktemp("entry"), script)
            return urls[script]

        yield open_once


def start_ours(stack: ExitStack, folder: Path, script: str) -> str:
    """Start our server."""
    (folder / "model.json").write_text(WEIGHT)
    (folder / "score.py").write_text(script)
    before = os.environ.get("AZUREML_MODEL_DIR", "")
    os.environ["AZUREML_MODEL_DIR"] = str(folder)
    try:
        loaded = load_script(folder / "score.py")
    finally:
        os.environ["AZUREML_MODEL_DIR"] = before
    documents = describe_script(loaded, describe_service(None, (), "tiny", 1))
    return stack.enter_context(serve(Application(open_scorer(loaded, None), [KEY], {"model_name": "tiny"}, documents)))


def start_azure(stack: ExitStack, folder: Path, script: str) -> str:
    """Start Azure's server on a script."""
    root = folder / "app"
    (root / "models").mkdir(parents=True)
    (root / "models" / "model.json").write_text(WEIGHT)
    (root / "score.py").write_text(script)
    return start_server(stack, root, "score.py", AZUREML_MODEL_DIR=str(root / "models"))


def start_image(stack: ExitStack, folder: Path, script: str) -> str:
    """Start Azure's server on an image of a script."""
    for name, content in (("score.py", script), ("model.json", WEIGHT), ("requirements.txt", "")):
        (folder / name).write_text(content)
    build_bundle(
        folder / "app" / "bundle",
        ImageSources(folder, folder / "score.py", folder / "requirements.txt"),
        model_name="tiny",
        model_version=1,
        model_files=[folder / "model.json"],
        example=[],
    )
    return start_server(stack, folder / "app", "bundle/serving/azure_entry.py")


def start_server(stack: ExitStack, root: Path, entry: str, **environ: str) -> str:
    """Start Azure's server, and return its address."""
    server = InferenceServer(root, {"AZUREML_ENTRY_SCRIPT": entry, **environ})
    stack.callback(server.stop)
    assert server.wait(60), server.log
    return server.url


def send(url: str, method: str = "POST", query: str = "", **options: object) -> requests.Response:
    """Send a request with the key to ``/score``."""
    headers = {"Authorization": f"Bearer {KEY}", **options.pop("headers", {})}  # type: ignore[dict-item]
    return requests.request(method, f"{url}/score{query}", headers=headers, timeout=20, **options)  # type: ignore[arg-type]


def send_json(url: str, body: object) -> requests.Response:
    """Post a value as JSON."""
    return send(url, json=body)


def test_an_undecorated_script_gets_the_text_of_the_body(open_server: Open) -> None:
    url = open_server(entry_scripts.TEXT)
    answer = send_json(url, {"data": [[1, 2], [3, 4.5]]})
    assert (answer.status_code, answer.json()) == (200, {"result": [6.0, 15.0]})
    assert answer.headers["content-type"] == "application/json"
    body = ' {"echo": "Ä \\u00e4",\n"more": [1e3, NaN]} '
    assert send(url, data=body.encode(), headers={"Content-Type": "text/plain"}).json() == body


def test_the_query_of_a_get_request_reaches_it_as_json(open_server: Open) -> None:
    answer = send(open_server(entry_scripts.TEXT), "GET", "?echo=1&list=[2]&list=x&empty=&text=a%20b")
    assert json.loads(answer.json()) == {"echo": 1, "list": [[2], "x"], "empty": "", "text": "a b"}


def test_what_no_script_can_read_is_refused(open_server: Open) -> None:
    url = open_server(entry_scripts.TEXT)
    assert send(url, data=b'{"data": "\xff"}').status_code == 400
    assert [send(url, method).status_code for method in ("PUT", "HEAD", "DELETE")] == [405, 405, 405]
    assert send(url, "OPTIONS").status_code == 200


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (entry_scripts.TEXT, {"fail": "secret details"}),
        (entry_scripts.TEXT, {"wrong": 1}),
        (entry_scripts.UNENCODABLE, {}),
        (entry_scripts.NUMPY, {"data": [["secret details"]]}),
    ],
)
def test_a_failure_of_the_script_has_the_status_500(open_server: Open, script: str, body: object) -> None:
    answer = send_json(open_server(script), body)
    assert answer.status_code == 500
    assert "secret details" not in answer.text


def test_nothing_is_answered_as_an_empty_object(open_server: Open) -> None:
    assert send_json(open_server(entry_scripts.NOTHING), {}).json() == {}


def test_it_gets_the_headers_if_it_wants_them(open_server: Open) -> None:
    headers = {"Content-Type": "text/csv", "x-caller": "me"}
    answer = send(open_server(entry_scripts.HEADERS), data=b"1,2", headers=headers)
    assert answer.json() == {"body": "1,2", "kind": "text/csv", "caller": "me"}


def test_inference_schema_converts_the_values_of_an_object(open_server: Open) -> None:
    answer = send(open_server(entry_scripts.NUMPY), json={"data": [[1, 2]], "more": 1}, headers={"X-Caller": "me"})
    assert (answer.status_code, answer.json()) == (200, {"result": [3.0], "shape": [1, 2], "caller": "me"})
    url, table = open_server(entry_scripts.PANDAS), [{"plan": "plus", "fee": 2.0}, {"plan": "basic", "fee": 1.0}]
    assert send_json(url, {"table": table, "factor": 3.0}).json() == [7.0, 3.0]
    assert send_json(url, {"table": table}).json() == [5.0, 2.0]
    assert send(url, "GET", f"?table={json.dumps(table)}&factor=0.5").json() == [2.0, 0.5]


def test_the_decorators_describe_the_bodies(open_server: Open) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    for version in ("2", "3", "3.1"):
        url = f"{open_server(entry_scripts.NUMPY)}/swagger.json?version={version}"
        document = requests.get(url, headers=headers, timeout=20).json()
        validate(document)
        described = document["definitions"] if version == "2" else document["components"]["schemas"]
        numbers = {"type": "array", "items": {"type": "number", "format": "double"}}
        found = json.dumps([*described.values()])
        assert json.dumps(numbers)[1:-1] in found
        assert json.dumps({"example": [3.0]})[1:-1] in found


def test_an_object_without_these_values_is_refused(open_server: Open) -> None:
    url = open_server(entry_scripts.PANDAS)
    assert send_json(url, {"factor": 1.0}).status_code == 400
    assert send_json(url, [1]).status_code == 400
    json_type = {"Content-Type": "application/json"}
    assert [send(url, data=body, headers=json_type).status_code for body in (b"", b"{table")] == [400, 400]
    assert send(url, data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert send(url, data=b"{}", headers={"Content-Type": "application/geo+json"}).status_code == 400


def test_a_raw_script_gets_the_request(open_server: Open) -> None:
    url = open_server(entry_scripts.RAW)
    answer = send(url, "GET", "?name=a%20b")
    assert answer.json() == {"method": "GET", "path": "/score?name=a%20b", "name": "a b"}
    assert send(url, files={"image": b"\x00" * 70_000}).json() == {"image": 70_000}
    answer = send(url, data={"one": "1"})
    assert (answer.status_code, answer.json()) == (201, {"length": 0, "form": {"one": "1"}})
    answer = send(url, data=b"\xff\x00", headers={"Content-Type": "application/octet-stream"})
    assert answer.json() == {"length": 2, "form": {}}
    answer = send(url, "HEAD")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (500, "11", b"")
    assert send(url, "PUT", data=b"1").status_code == 405


def test_a_raw_script_chooses_status_headers_and_bytes(open_server: Open) -> None:
    url = open_server(entry_scripts.RAW)
    answer = send(url, query="?status=418")
    assert (answer.status_code, answer.content) == (418, b"\x00\xff")
    assert (answer.headers["content-type"], answer.headers["x-two"]) == ("image/jpeg", "a, b")
    assert answer.headers["content-length"] == "2"
    answer = send(url, query="?status=204")
    assert (answer.status_code, answer.content, answer.headers.get("content-length")) == (204, b"", None)
    answer = send(url, query="?fail=1")
    assert answer.status_code == 500
    assert "secret details" not in answer.text
    assert send(url, "GET", "?name=again").json()["name"] == "again"
