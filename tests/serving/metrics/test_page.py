"""The answer to ``GET /metrics``, which parsers of Prometheus and OpenMetrics read."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_strictly
from prometheus_client.parser import text_string_to_metric_families as parse
from served import serve

from mlops.serving.app import Application
from mlops.serving.metrics.page import MetricsPage
from mlops.serving.metrics.recorder import Recorder
from mlops.serving.refusals import Refusal
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import Scorer

KEY = "the-key"
IDENTITY = {"image": "tiny:3", "digest": "sha256:abc", "model_name": 'a "quoted\\ name"', "model_version": 3}
OPENMETRICS = "application/openmetrics-text"
NUMBERS = Schema(1, (Feature("a"),), Answer())
PROMETHEUS = f"{OPENMETRICS};version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"  # what Prometheus accepts


def predict(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predict the first number of each row, or fail in one of three ways."""
    if rows[0, 0] == 666:
        raise RuntimeError("secret")
    if rows[0, 0] == 13:
        raise ValueError("no 13")
    return rows[:, 0] if rows[0, 0] != 7 else rows[:0]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a service that has answered each kind of request once, and a request of three rows."""
    with serve(Application(Scorer(predict, NUMBERS), [KEY], IDENTITY)) as address:
        for body in ([[1.0], [2.0], [3.0]], [[666]], [[13]], [[7]], [["text"]], []):
            post(address, {"data": body})
        post(address, {"data": [[1]]}, key="wrong")
        requests.get(f"{address}/metrics", timeout=60)
        requests.get(f"{address}/a/private/path", timeout=60)
        requests.get(f"{address}/livez", timeout=60)
        yield address


def post(url: str, body: object, key: str = KEY) -> None:
    """Send a request."""
    requests.post(f"{url}/score", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def get(url: str, accept: str = "*/*", query: str = "") -> requests.Response:
    """Get the metrics."""
    headers = {"Authorization": f"Bearer {KEY}", "Accept": accept}
    return requests.get(f"{url}/metrics{query}", headers=headers, timeout=60)


def flatten(families: Iterable[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the value of each sample by its name and labels."""
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def find(url: str, name: str, **labels: str) -> float:
    """Return the value of a sample."""
    return flatten(parse(get(url).text))[name, tuple(sorted(labels.items()))]


def test_the_metrics_need_a_key(url: str) -> None:
    assert find(url, "mlops_requests_total", path="/metrics", status="401") == 1


def test_both_formats_have_the_same_samples(url: str) -> None:
    plain, strict = get(url), get(url, PROMETHEUS)
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert strict.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert plain.headers["x-image-digest"] == "sha256:abc"
    found, expected = flatten(parse_strictly(strict.text)), flatten(parse(plain.text))
    assert found.keys() == expected.keys() | {("mlops_requests_total", (("path", "/metrics"), ("status", "200")))}
    kinds = {family.name: family.type for family in parse_strictly(strict.text)}
    assert (kinds["mlops_model"], kinds["mlops_requests"], kinds["mlops_batch_rows"]) == (
        "info",
        "counter",
        "histogram",
    )


def test_the_metrics_of_each_worker_have_its_number(url: str) -> None:
    each = [*parse_strictly(get(url, PROMETHEUS, "?by=worker").text)]
    found, together = flatten(each), flatten(parse_strictly(get(url, PROMETHEUS).text))
    assert found["mlops_requests_total", (("path", "/score"), ("status", "422"), ("worker", "0"))] == 3
    assert found["mlops_request_rows_bucket", (("le", "+Inf"), ("worker", "0"))] == 1
    assert {name for name, _ in found} == {name for name, _ in together}
    unnamed = {name for name, labels in found if "worker" not in dict(labels)}
    assert unnamed == {"mlops_model_info", "mlops_workers"}


@pytest.mark.parametrize(("query", "shown"), [("by=path", "path"), ("by=", ""), ("by=worker&by=%ff", "\ufffd")])
def test_no_other_grouping_exists(query: str, shown: str) -> None:
    with pytest.raises(Refusal) as refused:
        MetricsPage(Recorder(), IDENTITY).answer("", query.encode())
    expected = f'/metrics has no metrics by "{shown}". Use /metrics or /metrics?by=worker.'
    assert (refused.value.status, str(refused.value)) == (404, expected)


def test_other_parameters_of_the_query_change_nothing(url: str) -> None:
    assert flatten(parse(get(url, query="?name=by").text)).keys() == flatten(parse(get(url).text)).keys()


def test_the_model_is_named(url: str) -> None:
    labels = {name: str(value) for name, value in IDENTITY.items()}
    assert find(url, "mlops_model_info", **labels) == 1


def test_requests_are_counted_by_path_and_status(url: str) -> None:
    found = [
        ("/score", "200"),
        ("/score", "401"),
        ("/score", "422"),
        ("/score", "500"),
        ("other", "404"),
        ("/livez", "200"),
    ]
    assert [find(url, "mlops_requests_total", path=path, status=status) for path, status in found] == [1, 1, 3, 2, 1, 1]
    assert "private" not in get(url).text


def test_refusals_are_counted_by_reason(url: str) -> None:
    reasons = ("script_failed", "script_refused", "script_answer", "type", "rows", "key", "path", "connections")
    assert [find(url, "mlops_errors_total", reason=reason) for reason in reasons] == [1, 1, 1, 1, 1, 2, 1, 0]


def test_rows_and_calls_of_the_script_are_counted(url: str) -> None:
    names = (
        "mlops_request_rows",
        "mlops_batch_rows",
        "mlops_request_duration_seconds",
        "mlops_script_duration_seconds",
    )
    assert [find(url, f"{name}_count") for name in names] == [1, 4, 1, 4]
    assert [find(url, f"{name}_sum") for name in names[:2]] == [3, 6]
    assert find(url, "mlops_request_duration_seconds_sum") > find(url, "mlops_script_duration_seconds_sum") > 0


def test_what_the_server_does_now_is_measured(url: str) -> None:
    names = ("mlops_requests_in_flight", "mlops_connections", "mlops_workers", "mlops_workers_ready")
    assert [find(url, name) for name in names] == [1, 1, 1, 1]
    assert find(url, "mlops_worker_resident_memory_bytes", worker="0") > 1 << 20
