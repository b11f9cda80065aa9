"""Every line of the table of statuses in docs/service.md, over real HTTP."""

import json
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from served import serve

from mlops.image.openapi import describe_service
from mlops.serving.app import Application
from mlops.serving.connections.limits import Limits
from mlops.serving.connections.protocol import Connection
from mlops.serving.documents import OPENAPI
from mlops.serving.heads import MAX_BODY
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import Scorer

KEY = "the-primary-key"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PATH_LINE = re.compile(r"^\| (`/.+`) \| (GET|POST) \| (needed|none) \|", re.MULTILINE)
LINE = re.compile(r"^\| (\d{3}) \| (.+) \|$", re.MULTILINE)
SCHEMA = Schema(
    1,
    (
        Feature("age", minimum=18, maximum=100),
        Feature("plan", "category", allowed=("basic", "plus")),
        Feature("joined", "date", missing=True, minimum="2020-01-31"),
    ),
    Answer(),
)
GOOD = {"age": 20, "plan": "basic", "joined": None}
IDENTITY = {"image": "churn:3", "digest": "sha256:abc", "model_name": "churn", "model_version": 3}
DOCUMENTS = describe_service(SCHEMA, [GOOD], "churn", 3)
PATHS = json.loads(DOCUMENTS[OPENAPI])["paths"]
OPEN = {"/", "/livez", "/readyz"}  # the paths that need no key


def predict(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return the ages, except for some."""
    ages: NDArray[np.float64] = columns["age"]
    if ages[0] == 66:
        raise RuntimeError("secret details")
    if ages[0] == 67:
        raise ValueError("The prediction of data[0] is not finite.")
    return ages if ages[0] != 68 else ages * np.inf


@dataclass(frozen=True)
class Case:
    """A request, and the answer to it."""

    detail: str  # the beginning
    body: object = None
    method: str = "POST"
    path: str = "/score"
    key: str = f"Bearer {KEY}"
    sent: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # of the answer
    members: Mapping[str, object] = field(default_factory=dict)


def row(detail: str, members: Mapping[str, object], **change: object) -> Case:
    """Return a request whose second row is wrong."""
    return Case(detail, {"data": [GOOD, {**GOOD, **change}]}, members={"row": 1, **members})


CASES: dict[str, list[Case]] = {
    "400 the body is not JSON in UTF-8; `NaN` and `Infinity` are not JSON": [
        Case("The body is not JSON: Expecting property name", b"{data"),
        Case("The body is not JSON: it is empty.", b""),
        Case("The body is not JSON: 'utf-8' codec can't decode byte 0xe4", b'{"d\xe4ta": []}'),
        Case("The body is not JSON: 'utf-8' codec can't decode byte 0xff", b'{"data": [{"age": "\xff"}]}'),
        Case("The body is not JSON: 'utf-8' codec can't decode byte 0xed", b'{"data": [{"joined": "\xed\xa0\x80"}]}'),
        Case("The body is not JSON: NaN is not a value of JSON.", b'{"data": [{"age": NaN}]}'),
        Case("The body is not JSON: -Infinity is not a value", b'{"data": [{"plan": "gold", "age": -Infinity}]}'),
    ],
    "400 the body is nested too deeply": [
        Case("The body is nested too deeply.", b"[" * 100_000),
        Case("The body is nested too deeply.", b'{"data": [{"age": ' + b'{"a":' * 100_000),
    ],
    "401 the key is missing or wrong": [
        *(
            Case("The key is missing or wrong.", method="GET", path=path, key="")
            for path in ("/metrics", "/openapi.json", "/swagger.json")
        ),
        *(
            Case("The key is missing or wrong.", {"data": [GOOD]}, key=key, headers={"www-authenticate": "Bearer"})
            for key in ("", KEY, "Bearer ", "Bearer not-the-key", f"Basic {KEY}", "Bearer ü", f"Bearer {KEY}{KEY}")
        ),
    ],
    "404 there is no such path, `/swagger.json` has no such version, or `/metrics` has no metrics `by` this value": [
        Case('/swagger.json has no version "4".', method="GET", path="/swagger.json?version=4"),
        Case('/metrics has no metrics by "path".', method="GET", path="/metrics?by=path"),
        Case('There is no path "/scores".', {"data": [GOOD]}, path="/scores"),
        Case(f'There is no path "/{"x" * 39}…". Send rows to /score with POST.', method="GET", path="/" + "x" * 9000),
    ],
    "405 the path does not accept the method; the header `Allow` lists the accepted methods": [
        Case("/score does not accept GET. Use POST.", method="GET", headers={"allow": "POST"}),
        Case("/readyz does not accept POST. Use GET.", path="/readyz", headers={"allow": "GET, HEAD"}),
        Case("/livez does not accept OPTIONS.", method="OPTIONS", path="/livez", headers={"allow": "GET, HEAD"}),
    ],
    "413 the body has more than 8 MiB": [Case("The body has more than 8388608 bytes.", b" " * (MAX_BODY + 1))],
    "413 there are more than 50,000 rows": [
        Case("data has more than 50,000 rows.", b'{"data": [' + b"{}," * 50_000 + b"{}]}", members={"rule": "rows"}),
        Case("data has more than 50,000 rows.", b'{"data": [' + b"[0]," * 50_000 + b"[0]]}", members={"rule": "rows"}),
    ],
    "415 the content type is not `application/json`, its `charset` is not UTF-8, or the body is compressed "
    "(`Content-Encoding`)": [
        Case("The body must be JSON.", b"1,2", sent={"Content-Type": "text/csv"}),
        Case(
            'The body has the charset "latin1". Send it in UTF-8.',
            {"data": [GOOD]},
            sent={"Content-Type": "application/json; a=b ; Charset=latin1"},
        ),
        Case(
            'The body has the charset "utf-16". Send it in UTF-8.',
            {"data": [GOOD]},
            sent={"Content-Type": 'application/json;charset="utf-16"'},
        ),
        Case(
            'The body has the encoding "gzip".',
            {"data": [GOOD]},
            sent={"Content-Encoding": "gzip"},
            headers={"accept-encoding": "identity"},
        ),
    ],
    "422 a row does not fit the schema, or there are no rows": [
        row('data[1].age is "x",', {"column": "age", "value": "x", "rule": "type"}, age="x"),
        row("data[1].age is true,", {"column": "age", "value": True, "rule": "type"}, age=True),
        row("data[1].age is null,", {"column": "age", "value": None, "rule": "missing"}, age=None),
        row("data[1].age is 17.5,", {"column": "age", "value": 17.5, "rule": "range"}, age=17.5),
        row("data[1].age is too large,", {"column": "age", "rule": "range"}, age=10**400),
        row("data[1].age is a list,", {"column": "age", "rule": "type"}, age=[1]),
        row('data[1].plan is "gold",', {"column": "plan", "value": "gold", "rule": "values"}, plan="gold"),
        row('data[1].plan is "xxx', {"column": "plan", "value": f"{'x' * 40}…", "rule": "values"}, plan="x" * 99),
        row('data[1].plan is "",', {"column": "plan", "value": "", "rule": "missing"}, plan=""),
        row('data[1].joined is "today",', {"column": "joined", "value": "today", "rule": "type"}, joined="today"),
        row(
            'data[1].joined is "2020-01-30",',
            {"column": "joined", "value": "2020-01-30", "rule": "range"},
            joined="2020-01-30",
        ),
        row('data[1] has the unknown key "fee".', {"column": "fee", "rule": "columns"}, fee=1),
        Case('data[0] has no key "age".', {"data": [{}]}, members={"row": 0, "column": "age", "rule": "columns"}),
        Case("data[0] is 3,", {"data": [3]}, members={"row": 0, "value": 3, "rule": "type"}),
        Case(
            'data[0] has the key "age" twice.',
            b'{"data": [{"age": 20, "plan": "plus", "age": 21, "joined": null}]}',
            members={"row": 0, "column": "age", "rule": "repeated"},
        ),
        Case('The body has the key "data" twice.', b'{"data": [], "data": [{}]}', members={"rule": "repeated"}),
        Case("data has no rows.", {"data": []}, members={"rule": "rows"}),
        Case("The body is a list,", [GOOD], members={"rule": "type"}),
        Case('The body has the unknown key "rows".', {"rows": [GOOD]}, members={"rule": "columns"}),
        Case('The body has no key "data".', {}, members={"rule": "columns"}),
        Case("data is an object,", {"data": GOOD}, members={"rule": "type"}),
    ],
    "422 the scoring script raises a `ValueError`": [
        Case("The prediction of data[0] is not finite.", {"data": [{**GOOD, "age": 67}]}),
    ],
    "500 the scoring script fails, or its answer is wrong": [
        Case("Scoring failed. The service's log has the error.", {"data": [{**GOOD, "age": 66}]}),
        Case("The scoring script returned a wrong answer.", {"data": [{**GOOD, "age": 68}]}),
    ],
    "408 the body did not arrive within 5 seconds": [
        Case("The body did not arrive within 0.3 s.", sent={"Content-Length": "100"}, headers={"connection": "close"}),
    ],
    "431 the head of the request has more than 32 KiB": [
        Case("The head of the request has more than 32768 bytes.", sent={"X": "x" * 40_000}),
        Case("The head of the request has more than 32768 bytes.", path="/" + "x" * 40_000),
        *(
            Case(
                "The head of the request has more than 32768 bytes.", method="GET", path=path, sent={"X": "x" * 40_000}
            )
            for path in PATHS
            if path != "/score"
        ),
    ],
    "503 the service is shutting down (`/readyz`); the header `Retry-After` says when to repeat the request": [
        Case("The service is shutting down.", method="GET", path="/readyz", key="", headers={"retry-after": "1"})
    ],
}

IN_OTHER_TESTS = [
    "400 the request is not HTTP/1.1 or HTTP/1.0",
    "408 the head of the request did not arrive within 10 seconds",
    "503 the request cannot be [collected](collection.md), because there is no space left and `collect_when_full` is "
    "`refuse`; the header `Retry-After` says when to repeat it",
    "503 the processes of the service die repeatedly ([below](#processes)); the header `Retry-After` says when to "
    "repeat the request",
    "503 there are too many connections or requests; the header `Retry-After` says when to repeat the request",
]


OF_ANY_PATH = [
    "400 the request is not HTTP/1.1 or HTTP/1.0",
    "408 the head of the request did not arrive within 10 seconds",
    "503 there are too many connections or requests; the header `Retry-After` says when to repeat the request",
]


class Watched(Application):
    """A service that counts the requests that did not take the shortcut."""

    slow = 0

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        """Count a request, and answer it."""
        self.slow += 1
        await super().__call__(scope, receive, send)


@pytest.fixture(scope="module")
def application() -> Watched:
    """A service for records."""
    return Watched(Scorer(predict, SCHEMA), [KEY, "the-secondary-key"], IDENTITY, DOCUMENTS)


@pytest.fixture(scope="module")
def url(application: Application) -> Iterator[str]:
    """The address of the service."""
    with serve(application, Limits(body_seconds=0.3)) as address:
        yield address


@pytest.fixture(scope="module")
def usual_url(application: Watched) -> Iterator[str]:
    """The address of the service in a server without the shortcut."""
    with serve(application, Limits(body_seconds=0.3), Connection) as address:
        yield address


def test_the_table_of_the_manual_has_these_lines(project: Path) -> None:
    found = LINE.findall((project / "docs" / "service.md").read_text(encoding="utf-8"))
    assert sorted(f"{status} {reason}" for status, reason in found) == sorted([*CASES, *IN_OTHER_TESTS])


def test_the_description_has_the_paths_of_the_manual(project: Path) -> None:
    manual = (project / "docs" / "service.md").read_text(encoding="utf-8")
    listed = {
        path: (method.lower(), key == "none")
        for paths, method, key in PATH_LINE.findall(manual)
        for path in re.findall(r"`(.+?)`", paths)
    }
    described = {
        path: (method, operation.get("security") == [])
        for path, found in PATHS.items()
        for method, operation in found.items()
    }
    assert described == listed
    assert {path for path, (_, is_open) in described.items() if is_open} == OPEN


def test_the_description_has_the_statuses_of_each_path() -> None:
    """The cases of the table are sent to the server, and the lines of `OF_ANY_PATH` in other tests."""
    described = {
        (path, int(status))
        for path, found in PATHS.items()
        for operation in found.values()
        for status in operation["responses"]
    }
    answered = {
        (path, int(line[:3]))
        for line, cases in CASES.items()
        for case in cases
        if case.method.lower() in PATHS.get(path := case.path.split("?")[0], {})
    }
    anywhere = {(path, int(line[:3])) for path in PATHS for line in OF_ANY_PATH}
    assert described == answered | anywhere | {(path, 200) for path in PATHS}


@pytest.mark.parametrize("path", PATHS)
def test_each_path_answers_as_described(url: str, path: str) -> None:
    method, described = next(iter(PATHS[path].items()))
    headers = {} if path in OPEN else {"Authorization": f"Bearer {KEY}"}
    sent = None if method == "get" else described["requestBody"]["content"]["application/json"]["examples"]["declared"]
    for accepted, content in described["responses"]["200"]["content"].items():
        accept = {**headers, "Accept": accepted}
        answer = requests.request(method, url + path, json=sent and sent["value"], headers=accept, timeout=20)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, accepted)
        if example := content.get("example"):
            lines = example.splitlines() if isinstance(example, str) else [json.dumps(example)]
            assert {*lines} <= {*answer.text.splitlines()}
    refused = send(url, f"GET {path} HTTP/2.0\r\n\r\n".encode())
    assert refused.startswith(b"HTTP/1.1 400 ")
    assert b"The request is not HTTP/1.1" in refused


@pytest.mark.parametrize(
    ("line", "case"),
    [pytest.param(line, case, id=f"{line[:3]}-{case.detail}") for line in CASES for case in CASES[line]],
)
def test_every_status_of_the_table(
    url: str, application: Application, monkeypatch: pytest.MonkeyPatch, line: str, case: Case
) -> None:
    if line.startswith("503"):
        monkeypatch.setattr(application, "state", "draining")
    body = case.body if isinstance(case.body, bytes) or case.body is None else json.dumps(case.body)
    headers = {"Content-Type": "application/json", "Authorization": case.key.encode(), **case.sent}
    answer = requests.request(case.method, url + case.path, data=body, headers=headers, timeout=20)
    status = int(line[:3])
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    document = answer.json()
    common = {name: document.pop(name) for name in ("type", "title", "status", "request_id")}
    assert common == {
        "type": "about:blank",
        "title": answer.reason,
        "status": status,
        "request_id": answer.headers["x-ms-request-id"],
    }
    detail = document.pop("detail")
    assert (detail[: len(case.detail)], document) == (case.detail, case.members)
    assert {name: answer.headers.get(name) for name in case.headers} == case.headers
    assert answer.headers["x-image-digest"] == "sha256:abc"
    assert "secret details" not in answer.text


READ = [line for line in CASES if line[:3] not in ("408", "431", "503")]
SCORED = ("200", "400", "422", "500")  # the statuses of requests that are scored, or whose body is at fault


@pytest.mark.parametrize("line", ["200 the request is scored", *READ])
def test_the_short_cut_gives_the_same_answers(url: str, usual_url: str, application: Watched, line: str) -> None:
    for case in CASES.get(line, [Case("", {"data": [GOOD] * 2})]):
        body = case.body if isinstance(case.body, bytes) else json.dumps(case.body or {}).encode()
        lines = [f"{case.method} {case.path} HTTP/1.1", f"Authorization: {case.key}", "X-Ms-Request-Id: order-7"]
        own = {"Content-Type": "application/json", "Traceparent": TRACE, "Content-Length": len(body), **case.sent}
        head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in own.items())])
        request = head.encode() + b"\r\n\r\n" + body
        found = []
        is_quick = case.path == "/score" and line[:3] in SCORED and len(body) < 10_000
        for address, slow in ((url, not is_quick), (usual_url, True)):
            before = application.slow
            found.append(send(address, request))
            assert application.slow - before == slow
        assert found[0] == found[1]
        assert found[0].startswith(f"HTTP/1.1 {line[:3]} ".encode())


def send(url: str, request: bytes) -> bytes:
    """Send a request, and return the bytes of its answer without the date."""
    with socket.create_connection(("127.0.0.1", int(url.split(":")[-1])), 20) as client:
        client.sendall(request)
        head, _, body = client.recv(1 << 16).partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])
        while len(body) < length:
            body += client.recv(1 << 16)
    return re.sub(rb"date: [^\r]+", b"", head) + b"\r\n\r\n" + body
