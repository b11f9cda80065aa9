"""Items are sent in batches to a real endpoint, and are retried as its answers ask."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.azure.insights import KEY
from ingestion import Ingestion, open_ingestion

from mlops.serving.metrics.tally import Tally, read_tally
from mlops.serving.telemetry.endpoint import MOST_REDIRECTS, Poster, Reply, find_redirect, read_reply
from mlops.serving.telemetry.items import Measured, Origin, describe_metric, write_duration
from mlops.serving.telemetry.sender import BATCH, BATCH_SECONDS, LONGEST_PAUSE, MOST_WAITING, Sender
from mlops.serving.telemetry.settings import Endpoint, read_connection_string

ITEM = describe_metric(Measured("mlops_workers_ready", 1.0), 1_795_780_800.0, Origin(KEY))
WRONG = describe_metric(Measured("mlops_workers_ready", 1.0), 1_795_780_800.0, Origin("another key"))


class Sending:
    """A sender with a clock that the test sets."""

    def __init__(self, ingestion: Ingestion, folder: Path) -> None:
        self.now, self.path = 0.0, folder / "telemetry.json"
        endpoint = read_connection_string(ingestion.connection_string)
        self.sender = Sender(Poster(endpoint).post, Tally(self.path), lambda: self.now)

    @property
    def counts(self) -> dict[str, int]:
        """The stored counts, without zeros."""
        return {name: count for name, count in read_tally(self.path).items() if count}

    def advance(self, seconds: float) -> None:
        """Let time pass, and send what is due."""
        self.now += seconds
        self.sender.send_due()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Ingestion]:
    """An endpoint."""
    with open_ingestion() as ingestion:
        yield ingestion


@pytest.fixture
def sending(endpoint: Ingestion, tmp_path: Path) -> Sending:
    """A sender with an empty endpoint."""
    endpoint.items, endpoint.bodies, endpoint.answers = [], [], []
    return Sending(endpoint, tmp_path)


def test_items_wait_for_others_and_a_full_batch_does_not(endpoint: Ingestion, sending: Sending) -> None:
    sending.sender.add([ITEM])
    sending.advance(BATCH_SECONDS - 0.1)
    assert endpoint.items == []
    sending.advance(0.2)
    assert endpoint.items == [ITEM]
    sending.sender.add([ITEM] * (BATCH + 1))
    sending.advance(0)
    assert [len(json.loads(body)) for body in endpoint.bodies] == [1, BATCH]
    sending.sender.send_rest()
    assert sending.counts == {"sent": BATCH + 2}


def test_only_wrong_items_of_a_batch_are_dropped(endpoint: Ingestion, sending: Sending) -> None:
    sending.sender.add([ITEM, WRONG, ITEM])
    sending.advance(BATCH_SECONDS)
    sending.advance(1_000)
    assert endpoint.items == [ITEM, ITEM]
    assert len(endpoint.bodies) == 1
    assert sending.counts == {"sent": 2, "dropped": 1}


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_endpoint_is_asked_again_with_growing_pauses(endpoint: Ingestion, sending: Sending, status: int) -> None:
    endpoint.answers = [(status, {})] * 6
    sending.sender.add([ITEM])
    pauses = [sending.sender.wait]
    for _ in range(6):
        sending.advance(sending.sender.wait)
        pauses.append(sending.sender.wait)
    assert sorted(pauses[1:5]) == pauses[1:5]
    assert max(pauses) <= 1.2 * LONGEST_PAUSE
    sending.advance(sending.sender.wait)
    assert (endpoint.items, sending.counts) == ([ITEM], {"sent": 1})


def test_the_endpoint_chooses_the_pause(endpoint: Ingestion, sending: Sending) -> None:
    endpoint.answers = [(429, {"Retry-After": "600"})]
    sending.sender.add([ITEM])
    sending.advance(BATCH_SECONDS)
    sending.sender.add([ITEM] * BATCH)  # even a full batch waits
    sending.advance(470)
    assert endpoint.items == []
    sending.advance(260)
    assert len(endpoint.items) == BATCH


@pytest.mark.parametrize(("status", "pause"), [(400, 0), (404, 0), (402, 300), (439, 300)])
def test_refused_items_are_dropped(endpoint: Ingestion, sending: Sending, status: int, pause: int) -> None:
    endpoint.answers = [(status, {"Retry-After": str(pause)} if pause else {})]
    sending.sender.add([ITEM])
    sending.advance(BATCH_SECONDS)
    sending.sender.add([ITEM])
    assert sending.sender.wait >= 0.8 * pause
    sending.advance(400)
    assert len(endpoint.items) == 1
    assert sending.counts == {"sent": 1, "dropped": 1}


def test_an_endpoint_that_is_away_costs_bounded_memory_and_old_items(
    sending: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    poster = Poster(Endpoint(f"http://127.0.0.1:{port}/v2.1/track", KEY))
    gone = Sender(poster.post, Tally(sending.path), float)
    gone.add([ITEM] * (MOST_WAITING + 7))
    gone.send_rest()
    assert sending.counts == {"dropped": 7}
    assert "Application Insights did not accept 250 items: ConnectionRefusedError." in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("status", [307, 308])
def test_an_endpoint_that_moved_gets_all_further_items(endpoint: Ingestion, sending: Sending, status: int) -> None:
    with open_ingestion() as moved:
        endpoint.answers = [(status, {"Location": f"{moved.url}/v2.1/track"})]
        for _ in range(2):
            sending.sender.add([ITEM])
            sending.advance(BATCH_SECONDS)
    assert (endpoint.items, moved.items, sending.counts) == ([], [ITEM, ITEM], {"sent": 2})
    assert len(endpoint.bodies) == 1
    sending.sender.add([ITEM])
    sending.advance(2 * BATCH_SECONDS)  # the new address does not answer, so the given one is asked again
    sending.advance(2 * BATCH_SECONDS)
    assert (endpoint.items, sending.counts) == ([ITEM], {"sent": 3})


def test_redirects_in_a_circle_end(endpoint: Ingestion, sending: Sending, caplog: pytest.LogCaptureFixture) -> None:
    endpoint.answers = [(307, {"Location": "/v2.1/track"})] * (MOST_REDIRECTS + 1)
    sending.sender.add([ITEM])
    sending.advance(BATCH_SECONDS)
    assert len(endpoint.bodies) == MOST_REDIRECTS + 1
    assert f"did not accept 1 items: more than {MOST_REDIRECTS} redirects." in caplog.text
    sending.advance(2 * BATCH_SECONDS)
    assert sending.counts == {"sent": 1}


@pytest.mark.parametrize(
    ("status", "location"),
    [(301, "/v2.1/track"), (302, "/login"), (307, ""), (308, "https://elsewhere.example.com/v2.1/track")],
)
def test_other_redirects_are_not_followed_and_lose_nothing(
    endpoint: Ingestion, sending: Sending, status: int, location: str
) -> None:
    """Python repeats some redirected requests as GET, and a page that asks for a login answers with 200."""
    endpoint.answers = [(status, {"Location": location} if location else {})]
    sending.sender.add([ITEM])
    sending.advance(BATCH_SECONDS)
    assert (len(endpoint.bodies), sending.counts) == (1, {})
    sending.advance(2 * BATCH_SECONDS)
    assert sending.counts == {"sent": 1}


REGION = "https://westeurope-5.in.applicationinsights.azure.com"


@pytest.mark.parametrize(
    ("url", "location", "found"),
    [
        ("https://dc.services.visualstudio.com/v2.1/track", f"{REGION}/v2.1/track", f"{REGION}/v2.1/track"),
        ("https://dc.services.visualstudio.com/v2.1/track", REGION, f"{REGION}/v2.1/track"),
        ("https://dc.services.visualstudio.com/v2.1/track", "http://dc.services.visualstudio.com/v2.1/track", ""),
        ("https://dc.services.visualstudio.com/v2.1/track", "https://services.visualstudio.com.example.com/", ""),
        ("https://own.example.com/v2.1/track", f"{REGION}/v2.1/track", ""),
        ("https://own.example.com/v2.1/track", "https://[", ""),
        ("http://own.example.com/v2.1/track", "https://own.example.com/other", "https://own.example.com/other"),
    ],
)
def test_items_are_sent_only_to_the_same_host_or_within_azure_monitor(url: str, location: str, found: str) -> None:
    assert find_redirect(url, location) == found


def test_a_proxy_is_used_except_for_the_hosts_that_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def accept(proxy: socket.socket) -> None:
        with proxy.accept()[0] as client:
            asked.append(client.recv(1 << 16).split(b" HTTP/")[0])
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        thread = threading.Thread(target=accept, args=(proxy,))
        thread.start()
        direct = Poster(Endpoint("https://127.0.0.1:9/v2.1/track", KEY)).post([b"{}"])
        through = Poster(Endpoint(f"{REGION}/v2.1/track", KEY)).post([b"{}"])
        thread.join()
    assert (direct.said, through.failed) == ("ConnectionRefusedError", True)
    assert asked == [b"CONNECT westeurope-5.in.applicationinsights.azure.com:443"]


def test_single_items_of_an_answer_are_retried() -> None:
    errors = [{"index": 0, "statusCode": 503}, {"index": 2, "statusCode": 400}, {"index": 9, "statusCode": 400}]
    reply = read_reply(206, json.dumps({"errors": errors}).encode(), "", 4)
    assert reply == Reply(accepted=2, again=(0,), said="statuses [400, 503] of items")
    for wrong in (b"not JSON", b'{"errors": [{"index": Infinity, "statusCode": 500}]}', b"[" * 100_000):
        assert read_reply(206, wrong, "", 4).accepted == 4


def test_the_pause_that_an_endpoint_asks_for_is_at_most_a_day() -> None:
    found = [read_reply(429, b"", asked, 1).pause for asked in ("30", "9" * 30, "²", "-1", "Fri, 31 Dec 1999")]
    assert found == [30.0, 86_400.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"InstrumentationKey={KEY}", "https://dc.services.visualstudio.com"),
        (f"instrumentationkey={KEY};ingestionendpoint=https://west.example.com/", "https://west.example.com"),
        (f"InstrumentationKey={KEY};EndpointSuffix=ai.example.cn;Location=north", "https://north.dc.ai.example.cn"),
    ],
)
def test_a_connection_string_names_the_endpoint(text: str, url: str) -> None:
    assert read_connection_string(text) == Endpoint(f"{url}/v2.1/track", KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "InstrumentationKey=secret",
        *(
            f"InstrumentationKey={KEY};IngestionEndpoint={url}"
            for url in ("secret", "https://", "https://[secret", "https://secret:port/", "ftp://secret")
        ),
    ],
)
def test_a_wrong_connection_string_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="APPLICATIONINSIGHTS_CONNECTION_STRING") as caught:
        read_connection_string(text)
    assert "secret" not in str(caught.value)


def test_durations_have_days_and_microseconds() -> None:
    assert [write_duration(seconds) for seconds in (0.0015, 93_784.5)] == ["0.00:00:00.001500", "1.02:03:04.500000"]
