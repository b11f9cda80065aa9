"""The web service over real HTTP: correct answers, and a clear refusal of everything else."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests
import uvicorn
from numpy.typing import NDArray

from mlops.release.service_checks import check_predictions, check_refusals, measure_latency, run_checks
from mlops.serving import app
from mlops.serving.app import Application
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import Scorer

KEY = "the-primary-key"
CHURN = Schema(
    1,
    (Feature("plan", "category", allowed=("basic", "plus")), Feature("fee", missing=True)),
    Answer("category", ("leaves", "stays")),
)
GOOD = {"data": [[1.0, 2.0], [3.0, 4.0]]}


def add(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predict the sum of two columns."""
    if data.shape[1] != 2:
        raise ValueError(f"a row has {data.shape[1]} numbers; it needs 2: a, b")
    if data[0, 0] == 666:
        raise RuntimeError("secret details")
    with np.errstate(over="ignore"):
        return np.asarray(data.sum(axis=1))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in its own thread."""
    application = Application(Scorer(add), [KEY, "the-secondary-key"], {"digest": "sha256:abc"})
    yield from serve(application)


def serve(application: Application) -> Iterator[str]:
    """Start a server in its own thread, yield its address, and stop it."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, lifespan="off", log_config=None))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


def post(url: str, body: object = GOOD, key: str = KEY, **options: object) -> requests.Response:
    """Post to the service with its key."""
    return requests.post(f"{url}/score", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [KEY, "the-secondary-key"])
def test_either_key_opens_it(url: str, key: str) -> None:
    answer = post(url, key=key)
    assert (answer.status_code, answer.json()) == (200, {"result": [3.0, 7.0]})


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": KEY}, {"Authorization": "Bearer "}, {"Authorization": "Basic x"}]
)
def test_without_a_key_it_says_which_header(url: str, header: dict[str, str]) -> None:
    answer = requests.post(f"{url}/score", json=GOOD, headers=header, timeout=5)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json() == {"error": "The key is missing or wrong. Send the header Authorization: Bearer <key>."}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{data", 400, "The body is not JSON"),
        (b"", 400, "The body is not JSON"),
        (b'{"data": NaN}', 400, "The body is not JSON"),
        (b'{"data": [[1, 2', 400, "The body is not JSON"),
        (b"[[1, 2]]", 422, "Expected `object`, got `array`"),
        (b'{"rows": [[1, 2]]}', 422, "unknown field `rows`"),
        (b'{"data": []}', 422, "data has no rows."),
        (b'{"data": [[]]}', 422, "a row has 0 numbers; it needs 2: a, b"),
        (b'{"data": [[1]]}', 422, "a row has 1 numbers; it needs 2: a, b"),
        (b'{"data": [[1, 2], [1]]}', 422, "The rows of data have different lengths."),
        (b'{"data": [["1", "2"]]}', 422, "Expected `float`, got `str`"),
        (b'{"data": [[true, 2]]}', 422, "Expected `float`, got `bool`"),
        (b'{"data": [[null, 2]]}', 422, "Expected `float`, got `null`"),
        (b'{"data": [[[1], 2]]}', 422, "Expected `float`, got `array`"),
        (b'{"data": [[1e999, 2]]}', 4, ""),
        (b'{"data": [[1e308, 1e308]]}', 500, "The scoring script returned a wrong answer."),
        (b'{"data": [[666, 2]]}', 500, "Scoring failed. The service's log has the error."),
        (b"[" * 100_000, 422, "Expected `object`, got `array`"),
    ],
)
def test_a_bad_body_is_refused_with_the_reason(url: str, body: bytes, status: int, said: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    answer = requests.post(f"{url}/score", data=body, headers=headers, timeout=20)
    assert str(answer.status_code).startswith(str(status)), answer.text
    assert said in answer.json()["error"]
    assert "secret details" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/score", 405),
        ("POST", "/readyz", 405),
        ("GET", "/nothing", 404),
        ("HEAD", "/healthz", 200),
        ("GET", "/", 200),
    ],
)
def test_paths_and_methods(url: str, method: str, path: str, status: int) -> None:
    assert requests.request(method, f"{url}{path}", timeout=5).status_code == status


def test_ready_tells_the_image_without_a_key(url: str) -> None:
    assert requests.get(f"{url}/readyz", timeout=5).json() == {"status": "ready", "digest": "sha256:abc"}


def test_another_content_type_is_refused(url: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "text/csv"}
    assert requests.post(f"{url}/score", data=b"1,2", headers=headers, timeout=5).status_code == 415


def test_a_large_body_is_refused_whether_or_not_it_says_so(url: str) -> None:
    large = b" " * (app.MAX_BODY + 1)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for body in (large, iter([large])):  # once with a length, once in chunks
        try:
            answer = requests.post(f"{url}/score", data=body, headers=headers, timeout=20)
        except requests.ConnectionError:
            continue  # the server may close before it has read everything
        assert answer.status_code == 413


def test_a_body_that_does_not_come_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "BODY_SECONDS", 0.3)
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/score")
    for name, value in {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", "100")
    connection.endheaders(b'{"data"')
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]) == (408, "The body did not arrive within 0 s.")


def test_the_service_test_passes_a_service_that_keeps_its_contract(url: str) -> None:
    checks = run_checks(url, KEY, GOOD["data"], [3.0, 7.0])
    assert len(checks) == 11
    assert all(check.passed for check in checks)
    assert 0 < measure_latency(url, KEY, GOOD["data"], 20).p50 < 1000


@pytest.fixture(scope="module")
def churn_url() -> Iterator[str]:
    """A server for records, in its own thread."""

    def predict(columns: dict[str, NDArray[Any]]) -> list[list[float]]:
        return [[0.25, 0.75] if plan == "plus" else [1.0, 0.0] for plan in columns["plan"]]

    yield from serve(Application(Scorer(predict, CHURN), [KEY], {}))


def test_the_service_test_passes_a_service_that_accepts_records(churn_url: str) -> None:
    rows = [{"plan": "plus", "fee": 20.0}, {"plan": "basic", "fee": None}]
    checks = run_checks(churn_url, KEY, rows, [[0.25, 0.75], [1.0, 0.0]], CHURN)
    assert [check for check in checks if not check.passed] == []
    assert "a list instead of a record" in [check.name for check in checks]
    assert checks[2].seen == "0.25, 0.75; 1.0, 0"
    wrong = check_predictions(churn_url, KEY, rows, [[0.25, 0.75], [0.5, 0.5]], CHURN)
    assert [check.name for check in wrong if not check.passed] == ["predictions of the registered model"]
    assert 0 < measure_latency(churn_url, KEY, rows, 5).p50 < 1000


def test_the_service_test_fails_wrong_predictions_and_wrong_keys(url: str) -> None:
    wrong = [check.name for check in check_predictions(url, KEY, GOOD["data"], [3.0, 7.1]) if not check.passed]
    assert wrong == ["predictions of the registered model"]
    refused = [check.name for check in check_refusals(url, "not-a-key", GOOD["data"]) if not check.passed]
    assert refused == [
        "not JSON",
        "another content type",
        "no rows",
        "a column too few",
        "text for numbers",
        "rows of unequal length",
    ]


def test_the_service_test_fails_a_service_that_is_not_there() -> None:
    (check,) = run_checks("http://127.0.0.1:9", KEY, GOOD["data"], [3.0, 7.0])
    assert not check.passed
    assert "does not answer" in check.seen
