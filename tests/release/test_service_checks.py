"""The test of a service that does not answer: the platform decides whether the service failed."""

import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tiny_model import deploy, publish, release

from mlops.backends import memory
from mlops.errors import PlatformError, ServiceTestFailed, ServiceUntestedError
from mlops.platform.backend import Backend
from mlops.platform.services import Service
from mlops.release import service_checks
from mlops.release.calls import call_service
from mlops.release.loopback import is_loopback
from mlops.release.service_checks import Check, NoAnswer, conclude_test, measure_latency, run_checks

ROWS = [[1.0], [2.0]]
SILENT = [NoAnswer("answers", "an answer", "http://there does not answer (refused).", passed=False)]


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A platform in memory."""
    opened = memory.open_backend()
    yield opened
    for environment in ("qa", "production"):
        opened.services.stop(environment)


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that does not exist, for all requests, with no exception for this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("proxied")
def test_requests_to_this_machine_do_not_go_through_a_proxy(backend: Backend, tmp_path: Path) -> None:
    service = deploy(backend, "qa", publish(backend, tmp_path, 4.5))
    key, _ = backend.secrets.get_keys("qa")
    assert call_service(service.url, key, {"data": ROWS}).json() == {"result": [4.5, 4.5]}
    checks = service_checks.check_predictions(service.url, key, ROWS, [4.5, 4.5])
    assert [check.passed for check in checks] == [True, True, True]
    latency = measure_latency(service.url, key, ROWS, 10)
    assert latency.p50 > 0
    assert latency.failures == ()


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:80", True),
        ("http://127.8.0.1/x", True),
        ("http://[::1]:80", True),
        ("http://localhost:80", True),
        ("http://10.0.0.1", False),
        ("https://127.0.0.1.example.com", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, local: bool) -> None:
    assert is_loopback(url) == local


def conclude(backend: Backend, service: Service, checks: Sequence[Check]) -> None:
    """Conclude the test of a service."""
    conclude_test(backend.services, service.environment, service.digest, service.url, checks)


def test_a_service_that_runs_is_left_alone_though_it_does_not_answer(backend: Backend, tmp_path: Path) -> None:
    release(backend, publish(backend, tmp_path, 1.0))
    service = release(backend, publish(backend, tmp_path, 2.0))
    with pytest.raises(ServiceUntestedError) as raised:
        conclude(backend, service, SILENT)
    assert str(raised.value) == (
        "http://there does not answer (refused). But the platform reports that tiny version 2 runs in production, so "
        "nothing was changed. Check the network and the proxy between here and the service, then run `mlops resume`."
    )
    (_, production) = backend.services.list_services()
    assert (production.image, production.tested, production.health) == ("tiny:2", "passed", "healthy")


def test_a_service_that_has_ended_failed_its_test(backend: Backend, tmp_path: Path) -> None:
    release(backend, publish(backend, tmp_path, 1.0))
    service = release(backend, publish(backend, tmp_path, 2.0))
    backend.services.stop("production")
    with pytest.raises(ServiceTestFailed, match="production now serves tiny version 1"):
        conclude(backend, service, SILENT)


def test_one_silence_is_listed_once(backend: Backend, tmp_path: Path) -> None:
    """The checks end at the first request without an answer, but the measurement of the time sends another one."""
    release(backend, publish(backend, tmp_path, 1.0))
    service = release(backend, publish(backend, tmp_path, 2.0))
    backend.services.stop("production")
    checks = run_checks(service.url, "key", ROWS, [2.0, 2.0])
    failures = measure_latency(service.url, "key", ROWS, 10).failures
    with pytest.raises(ServiceTestFailed) as raised:
        conclude(backend, service, [*checks, *failures])
    first, *listed = str(raised.value).splitlines()
    assert first == f"{service.url} fails 1 check, and production now serves tiny version 1:"
    assert listed == [
        f"  answers: expected an answer, saw {service.url} does not answer (Connection refused).",
    ]


def test_a_test_of_an_image_that_was_replaced_meanwhile_is_not_recorded(backend: Backend, tmp_path: Path) -> None:
    old = release(backend, publish(backend, tmp_path, 1.0))
    release(backend, publish(backend, tmp_path, 2.0))
    with pytest.raises(ServiceUntestedError) as raised:
        conclude(backend, old, [])
    assert str(raised.value) == (
        "Another deployment has replaced the image that was tested, so the result is not recorded: production now "
        f"serves tiny version 2. `mlops run release -p deploy_qa.image_digest={old.digest}` deploys and tests it again."
    )


def test_nothing_is_changed_where_the_platform_does_not_answer_either(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = release(backend, publish(backend, tmp_path))

    def refuse(*words: object, **options: object) -> Service:
        raise PlatformError("Azure did not answer.")

    monkeypatch.setattr(backend.services, "record_test", refuse)
    with pytest.raises(ServiceUntestedError, match=r"could not be reached, either.* Azure did not answer\."):
        conclude(backend, service, SILENT)


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """Starts servers that answer with one body, and with these statuses in turn, the last of them for ever."""
    servers = []

    def start(status: int, body: bytes = b"", *later: int) -> str:
        statuses = itertools.chain([status, *later], itertools.repeat((status, *later)[-1]))

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(next(statuses))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_proxy_that_wants_a_password_is_no_answer_of_the_service(answering: Callable[..., str]) -> None:
    (check,) = run_checks(answering(407), "key", ROWS, [1.0, 1.0])
    assert isinstance(check, NoAnswer)
    assert "The proxy for" in check.seen


def test_a_wrong_answer_stays_a_failed_check_if_a_later_request_gets_no_answer(
    answering: Callable[..., str],
) -> None:
    """Otherwise a service that breaks during its test would stay in production."""
    url = answering(200, b'{"result": [7.0, 7.0]}', 200, 407)
    checks = run_checks(url, "key", ROWS, [1.0, 1.0])
    failed = [(check.name, type(check)) for check in checks if not check.passed]
    assert failed == [("predictions of the registered model", Check), ("no key", Check), ("answers", NoAnswer)]


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b"<html>", "<html>"),
        (b'"[1,"', '"[1,"'),
        (b"", "nothing"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (b'{"result": ["a", "b"]}', '{"result": ["a", "b"]}'),
        (b'{"result": [[1.0], [2.0]]}', '{"result": [[1.0], [2.0]]}'),
        (b'{"result": [null, 2]}', '{"result": [null, 2]}'),
        (b'{"result": [true, NaN]}', '{"result": [true, NaN]}'),
        (b'{"result": [1.0, 1e999]}', '{"result": [1.0, 1e999]}'),
        (b"[" * 100_000, "[" * 200 + "…"),
        (b"x" * 300, "x" * 200 + "…"),
    ],
)
def test_an_answer_that_holds_no_predictions_is_a_failed_check(
    answering: Callable[..., str], body: bytes, seen: str
) -> None:
    status, predictions = service_checks.check_predictions(answering(200, body), "key", ROWS, [1.0, 2.0])
    assert status.passed
    assert predictions == Check("as many predictions as rows", "2 numbers", seen, passed=False)


@pytest.mark.parametrize("body", [b"[1, 2]", b'"[1.0, 2.0]"', b'"{\\"result\\": [1, 2]}"'])
def test_predictions_can_be_a_list_or_text(answering: Callable[..., str], body: bytes) -> None:
    """Some entry scripts for Azure return a list, or text that they encoded themselves."""
    checks = service_checks.check_predictions(answering(200, body), "key", ROWS, [1.0, 2.0])
    assert [check.passed for check in checks] == [True, True, True]


def test_a_missing_prediction_is_a_failed_check(answering: Callable[..., str]) -> None:
    url = answering(200, b'{"result": [1]}')
    checks = service_checks.check_predictions(url, "key", ROWS, [1.0, 2.0])
    assert [(check.passed, check.expected, check.seen) for check in checks[1:]] == [
        (False, "2", "1"),
        (False, "1.00; 2.00", "1.00"),
    ]


def test_a_request_that_is_refused_while_the_time_is_measured_is_a_failed_check(
    answering: Callable[..., str],
) -> None:
    latency = measure_latency(answering(500), "key", ROWS, 10)
    assert latency.failures == (Check("request 1 of 10", "status 200", "status 500", passed=False),)
    assert (latency.requests, math.isnan(latency.p50)) == (0, True)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b'{"status": 422, "detail": "data has no rows."}', "status 422 (data has no rows)"),
        (b'{"error": "data has\\nno rows."}', "status 422 (data has no rows)"),  # of older images
        (b'{"message": "Bad"}', "status 422 (Bad)"),  # of Azure's server
        (b'{"detail": "' + b"x" * 300 + b'"}', f"status 422 ({'x' * 200})"),
        *((body, "status 422") for body in (b"", b"Bad", b"[1]", b"{}", b'"x"', b"\xff", b"[" * 100_000)),
    ],
)
def test_a_failed_check_has_the_reason_of_the_refusal(answering: Callable[..., str], body: bytes, seen: str) -> None:
    (check, _) = service_checks.check_predictions(answering(422, body), "key", ROWS, [1.0, 2.0])
    assert check == Check("2 rows with the key", "status 200", seen, passed=False)


@pytest.mark.parametrize("status", [407, None])
def test_a_request_without_an_answer_while_the_time_is_measured_is_no_answer(
    answering: Callable[..., str], status: int | None
) -> None:
    url = answering(status) if status else "http://127.0.0.1:9"
    (failure,) = measure_latency(url, "key", ROWS, 10).failures
    assert isinstance(failure, NoAnswer)
    assert url in failure.seen


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [("", "Connection refused"), ("http://127.0.0.1:9", "the proxy: Connection refused")],
)
def test_a_service_without_an_answer_has_a_short_reason(
    monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    url = "http://192.0.2.1:9" if proxy else "http://127.0.0.1:9"  # a proxy is never asked for this machine
    (failure,) = measure_latency(url, "key", ROWS, 1).failures
    assert failure.seen == f"{url} does not answer ({reason})."


def test_a_wrong_answer_counts_although_a_later_request_gets_none(backend: Backend, tmp_path: Path) -> None:
    release(backend, publish(backend, tmp_path, 1.0))
    service = release(backend, publish(backend, tmp_path, 2.0))
    wrong = Check("no key", "status 401", "status 200", passed=False)
    with pytest.raises(ServiceTestFailed, match="fails 2 checks, and production now serves tiny version 1"):
        conclude(backend, service, [wrong, *SILENT])
