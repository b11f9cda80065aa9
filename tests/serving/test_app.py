"""The web service over real HTTP: correct answers, and a clear refusal of everything else."""

import contextlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from served import serve

from mlops.release.service_checks import check_predictions, check_refusals, measure_latency, run_checks
from mlops.serving.app import Application
from mlops.serving.heads import MAX_BODY
from mlops.serving.refusals import Refusal
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import Scorer

KEY = "the-primary-key"
CHURN = Schema(
    1,
    (Feature("plan", "category", allowed=("basic", "plus")), Feature("fee", missing=True)),
    Answer("category", ("leaves", "stays")),
)
PAIRS = Schema(1, (Feature("a"), Feature("b")), Answer())
GOOD = {"data": [[1.0, 2.0], [3.0, 4.0]]}
DOCUMENTS = {
    "openapi.json": b'{"openapi": "3.1.0"}',
    "openapi-3.0.json": b'{"openapi": "3.0.3"}',
    "swagger.json": b'{"swagger": "2.0"}',
}
IDENTITY = {"image": "tiny:3", "digest": "sha256:abc", "model_name": "tiny", "model_version": 3}


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
    """The address of a service for numbers."""
    with serve(Application(Scorer(add, PAIRS), [KEY, "the-secondary-key"], IDENTITY, DOCUMENTS)) as address:
        yield address


def post(url: str, body: object = GOOD, key: str = KEY, **options: object) -> requests.Response:
    """Post to the service with its key."""
    return requests.post(f"{url}/score", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [KEY, "the-secondary-key"])
def test_either_key_opens_it(url: str, key: str) -> None:
    answer = post(url, key=key)
    assert (answer.status_code, answer.json()) == (200, {"result": [3.0, 7.0]})


@pytest.mark.parametrize("key", [KEY, "the-secondary-key", KEY[:-1] + "x"])
def test_a_key_is_compared_with_both_keys_in_constant_time(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time would otherwise tell which key matches, or how many characters of it."""
    application, compared, compare = (
        Application(Scorer(add, PAIRS), [KEY, "the-secondary-key"], {}),
        [],
        hmac.compare_digest,
    )

    def watch(sent: bytes, expected: bytes) -> bool:
        compared.append(expected)
        return compare(sent, expected)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    with contextlib.suppress(Refusal):
        application.check_head({b"authorization": f"Bearer {key}".encode(), b"content-type": b"application/json"})
    assert compared[:2] == [f"Bearer {KEY}".encode(), b"Bearer the-secondary-key"]
    assert len(compared) == (4 if key.endswith("x") else 2)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{data", 400, "The body is not JSON"),
        (b"", 400, "The body is not JSON: it is empty."),
        (b'{"data": [["\\ud800", 1]]}', 400, "The body is not JSON: unexpected end of escaped utf-16 surrogate pair"),
        (b'{"data": NaN}', 400, "The body is not JSON"),
        (b'{"data": [[1, 2', 400, "The body is not JSON"),
        (b"[[1, 2]]", 422, "The body is a list, but it must be an object"),
        (b'{"rows": [[1, 2]]}', 422, 'The body has the unknown key "rows".'),
        (b'{"data": []}', 422, "data has no rows. Send at least one row."),
        (b'{"data": [[]]}', 422, "data[0] has 0 values, but it needs 2: a, b."),
        (b'{"data": [[1]]}', 422, "data[0] has 1 value, but it needs 2: a, b."),
        (b'{"data": [[1, 2], [1]]}', 422, "data[1] has 1 value, but it needs 2: a, b."),
        (b'{"data": [["1", "2"]]}', 422, 'data[0].a is "1", but it must be a number.'),
        (b'{"data": [[true, 2]]}', 422, "data[0].a is true, but it must be a number."),
        (b'{"data": [[null, 2]]}', 422, "data[0].a is null, but it must be a number."),
        (b'{"data": [[[1], 2]]}', 422, "data[0].a is a list, but it must be a number."),
        (b'{"data": [[1e999, 2]]}', 422, "data[0].a is too large, but it must be a number."),
        (b'{"data": [[1e308, 1e308]]}', 500, "The scoring script returned a wrong answer."),
        (b'{"data": [[666, 2]]}', 500, "Scoring failed. The service's log has the error."),
        (b"[" * 100_000, 400, "The body is nested too deeply."),
    ],
)
def test_a_bad_body_is_refused_with_the_reason(url: str, body: bytes, status: int, said: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    answer = requests.post(f"{url}/score", data=body, headers=headers, timeout=20)
    assert str(answer.status_code).startswith(str(status)), answer.text
    assert said in answer.json()["detail"]
    assert "secret details" not in answer.text


@pytest.mark.parametrize("parameters", ["; charset=utf-8", ';charset="UTF-8"', "; charset=utf8; a=b"])
def test_a_body_in_utf_8_can_say_so(url: str, parameters: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": f"application/json{parameters}"}
    assert requests.post(f"{url}/score", json=GOOD, headers=headers, timeout=20).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/livez", "/readyz"])
def test_the_state_of_the_service_needs_no_key(url: str, method: str, path: str) -> None:
    answer = requests.request(method, f"{url}{path}", timeout=60)
    shown = {"status": "live"} if path == "/livez" else {"status": "ready", **IDENTITY}
    assert (answer.status_code, answer.text and answer.json()) == (200, shown if method == "GET" else "")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/openapi.json", "openapi.json"),
        ("/openapi.json?version=2", "openapi.json"),
        ("/swagger.json", "swagger.json"),
        ("/swagger.json?version=2", "swagger.json"),
        ("/swagger.json?version=2.0", "swagger.json"),
        ("/swagger.json?version=3", "openapi-3.0.json"),
        ("/swagger.json?version=3.0", "openapi-3.0.json"),
        ("/swagger.json?version=3.1", "openapi.json"),
    ],
)
def test_the_descriptions_of_the_service_need_a_key(url: str, path: str, name: str) -> None:
    assert requests.get(url + path, timeout=5).status_code == 401
    answer = requests.get(url + path, headers={"Authorization": f"Bearer {KEY}"}, timeout=5)
    assert (answer.headers["content-type"], answer.content) == ("application/json", DOCUMENTS[name])
    assert requests.post(url + path, timeout=5).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("version", ["3.2", "1", "", "x", "%ff", "../keys"])
def test_another_version_of_the_description_is_404(url: str, version: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = requests.get(f"{url}/swagger.json?version={version}", headers=headers, timeout=5)
    assert answer.status_code == 404
    shown = version.replace("%ff", "\ufffd")
    assert answer.json()["detail"] == f'/swagger.json has no version "{shown}". Use one of: 2, 2.0, 3, 3.0, 3.1.'


def test_an_image_without_descriptions_has_no_such_paths(churn_url: str) -> None:
    found = [requests.get(f"{churn_url}/{name}", timeout=5).status_code for name in DOCUMENTS]
    assert found == [404, 404, 404]


def test_a_draining_service_is_live_and_answers_but_is_not_ready() -> None:
    application = Application(Scorer(add, PAIRS), [KEY], IDENTITY)
    with serve(application) as address:
        application.state = "draining"
        found = {path: requests.get(address + path, timeout=60).status_code for path in ("/", "/livez", "/readyz")}
        assert (found, post(address).status_code) == ({"/": 503, "/livez": 200, "/readyz": 503}, 200)


@pytest.mark.parametrize("body", [GOOD, {"data": []}])
def test_each_answer_names_the_model_and_the_image(url: str, body: object) -> None:
    found = {name: value for name, value in post(url, body).headers.items() if name.startswith("x-")}
    assert len(found.pop("x-ms-request-id")) == 32
    assert found == {"x-model-name": "tiny", "x-model-version": "3", "x-image-digest": "sha256:abc"}


@pytest.mark.parametrize("body", [GOOD, {"data": []}])
def test_an_answer_repeats_the_id_and_the_trace_of_its_request(url: str, body: object) -> None:
    sent = {"x-ms-request-id": "order-7", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    headers = {"Authorization": f"Bearer {KEY}", **sent}
    answer = requests.post(f"{url}/score", json=body, headers=headers, timeout=60)
    assert {name: answer.headers[name] for name in sent} == sent
    assert answer.json().get("request_id") in (None, "order-7")


def test_a_fault_of_the_service_is_a_problem_document(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Scorer):
        def score_together(self, bodies: Sequence[bytes]) -> Any:
            raise LookupError("secret details")

    with serve(Application(Broken(add, PAIRS), [KEY], {})) as address:
        answer = post(address)
    assert (answer.status_code, answer.json()["detail"]) == (500, "The service failed. Its log has the error.")
    assert "The service failed: LookupError at " in caplog.text
    assert "secret details" not in caplog.text


def test_a_large_body_is_refused_whether_or_not_it_says_so(url: str) -> None:
    large = b" " * (MAX_BODY + 1)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for body in (large, iter([large])):  # once with a length, once in chunks
        try:
            answer = requests.post(f"{url}/score", data=body, headers=headers, timeout=20)
        except requests.ConnectionError:
            continue  # the server may close before it has read everything
        assert answer.status_code == 413


def test_the_service_test_passes_a_service_that_keeps_its_contract(url: str) -> None:
    checks = run_checks(url, KEY, GOOD["data"], [3.0, 7.0], PAIRS)
    assert len(checks) == 16
    assert all(check.passed for check in checks)
    assert 0 < measure_latency(url, KEY, GOOD["data"], 20).p50 < 1000


@pytest.fixture(scope="module")
def churn_url() -> Iterator[str]:
    """A server for records, in its own thread."""

    def predict(columns: dict[str, NDArray[Any]]) -> list[list[float]]:
        return [[0.25, 0.75] if plan == "plus" else [1.0, 0.0] for plan in columns["plan"]]

    with serve(Application(Scorer(predict, CHURN), [KEY], {})) as address:
        yield address


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
    refused = [check.name for check in check_refusals(url, "not-a-key", GOOD["data"], PAIRS) if not check.passed]
    assert refused == [
        "not JSON",
        "another content type",
        "no rows",
        "one column too few",
        "text for numbers",
        "rows of unequal length",
        "a record with an unknown key",
        "a record without a",
        "text for a",
        "null for a",
    ]


def test_the_service_test_fails_a_service_that_is_not_there() -> None:
    (check,) = run_checks("http://127.0.0.1:9", KEY, GOOD["data"], [3.0, 7.0])
    assert not check.passed
    assert "does not answer" in check.seen
