"""The real Prometheus reads a real service: each query of the dashboard and each alert rule returns data."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import requests
import yaml
from ingestion import open_ingestion
from server_process import KEY, ServerProcess, exchange, make_request, start_server
from waiting import wait_until

from mlops.serving.collection.drift import FEWEST_ROWS
from mlops.serving.collection.settings import SETTINGS_FILE, Settings
from mlops.serving.identity import REGISTERED
from mlops.serving.metrics.bins import PREDICTION, ColumnBins
from mlops.serving.telemetry.settings import CONNECTION_STRING, SHARE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed; .ci/run installs it"),
]

JOB = "mlops-production"
SCRIPT = """
def init(): pass
def run(data):
    if data[0, 0] == 666:
        raise RuntimeError
    return data[:, 0]
"""
PROFILE = tuple(ColumnBins(name, "number", (1.0, 2.0), counts=(300, 300, 300, 0)) for name in ("a", PREDICTION))
BODIES = (b'{"data": [[5]]}', b'{"data": [["x"]]}', b'{"data": [[666]]}')
LIMIT = re.compile(r"\s*(?:[<>]=?|==)\s*[\d.e+* ]+$")  # the end of the expression of an alert rule
SLOW_MACHINE = {"AnswersSlow", "DiskNearlyFull", "ServiceUnreachable"}  # the alerts that a busy machine can raise
Ask = Callable[..., Any]


@contextmanager
def start_prometheus(folder: Path, port: int, rules: Path, query: dict[str, list[str]]) -> Iterator[Ask]:
    """Start Prometheus, which reads the service on a port, and yield a function that calls its HTTP API."""
    (folder / "key").write_text(KEY)
    job = {
        "job_name": JOB,
        "params": query,
        "authorization": {"credentials_file": str(folder / "key")},
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
    }
    seconds = {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"}
    config = {"global": seconds, "rule_files": [str(rules)], "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    named = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with open(folder / "prometheus.log", "wb") as log:
        words = ["prometheus", *named, "--web.listen-address=127.0.0.1:0"]
        process = subprocess.Popen(words, stdout=log, stderr=log)

    def find_url() -> str:
        listening = [one for one in psutil.Process(process.pid).net_connections("tcp") if one.status == "LISTEN"]
        return f"http://127.0.0.1:{listening[0].laddr.port}" if listening else ""

    def ask(path: str, **parameters: str) -> Any:
        answer = requests.get(f"{find_url()}/api/v1/{path}", params=parameters, timeout=30).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    try:
        wait_until(lambda: is_ready(f"{find_url()}/-/ready"))
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def is_ready(url: str) -> bool:
    """Return whether an address answers with the status 200."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def send(server: ServerProcess, number: int) -> None:
    """Send requests, some of which are refused or fail."""
    with server.connect() as client:
        for body in BODIES:
            exchange(client, make_request(body=body))
        rows = json.dumps({"data": [[5.0]] * number}).encode()
        assert exchange(client, make_request(body=rows))[0] == 200


@pytest.fixture(scope="module", params=[{}, {"by": ["worker"]}], ids=["all workers", "each worker"])
def ask(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Ask]:
    """The HTTP API of a Prometheus that has read a service of two workers for some seconds."""
    folder = tmp_path_factory.mktemp("service")
    settings = Settings(folder=str(folder / "segments"), url=str(folder / "uploads"), segment_seconds=1.0)
    (folder / "collection.json").write_bytes(msgspec.json.encode(settings))
    with pytest.MonkeyPatch.context() as patch, open_ingestion() as ingestion:
        variables = {SETTINGS_FILE: folder / "collection.json", CONNECTION_STRING: ingestion.connection_string}
        for name, value in {**variables, SHARE: "1", REGISTERED: str(time.time() - 3600)}.items():
            patch.setenv(name, str(value))
        with (
            start_server(folder, "--workers", "2", script=SCRIPT, profile=PROFILE) as server,
            start_prometheus(folder, server.port, project / "docs/monitoring/alerts.yml", request.param) as found,
        ):
            wait_until(lambda: bool(found("query", query="up == 1")["result"]))
            for _ in range(4):  # a rate needs several samples that differ
                send(server, FEWEST_ROWS)
                time.sleep(2.5)
            wait_until(lambda: bool(found("query", query="mlops_drift_psi")["result"]))
            wait_until(lambda: bool(found("query", query="mlops_telemetry_sent_total > 0")["result"]))
            yield found


def test_each_panel_of_the_dashboard_has_data(ask: Ask, project: Path) -> None:
    dashboard = json.loads((project / "docs/monitoring/dashboard.json").read_text())
    chosen = {"$job": ".*", "$column": "a", "$__rate_interval": "1m"}
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    empty = []
    for query in queries:
        text = query
        for name, value in chosen.items():
            text = text.replace(name, value)
        if not ask("query", query=text)["result"]:
            empty.append(query)
    assert (empty, len(queries) > 30) == ([], True)
    for variable in dashboard["templating"]["list"]:
        if "datasource" in variable:
            metric, label = re.findall(r"\w+", variable["query"]["query"])[1:]
            assert ask(f"label/{label}/values", **{"match[]": metric}), variable


def test_each_alert_rule_has_data_and_only_what_is_wrong_raises_an_alert(ask: Ask) -> None:
    (group,) = ask("rules")["groups"]
    assert {rule["name"]: rule["health"] for rule in group["rules"]} == {rule["name"]: "ok" for rule in group["rules"]}
    empty = [rule["name"] for rule in group["rules"] if not ask("query", query=LIMIT.sub("", rule["query"]))["result"]]
    assert empty == []
    raised = {rule["name"] for rule in group["rules"] if rule["state"] != "inactive"}
    assert raised - SLOW_MACHINE == {"RequestsFail", "RequestsRefused", "ColumnDrifts"}
    # the summaries are written with the values of the alerts
    alerts = {alert["labels"]["alertname"]: alert for alert in ask("alerts")["alerts"]}
    summary = alerts["RequestsFail"]["annotations"]["summary"]
    assert re.fullmatch(rf"[12]\d(\.\d+)?% of the requests to {JOB} fail", summary)
