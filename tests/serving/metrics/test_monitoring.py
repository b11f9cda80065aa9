"""The dashboard, the alert rules and the manual name metrics that a service really reports."""

import json
import re
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
import yaml
from collected import NUMBERS, Collection
from prometheus_client.parser import text_string_to_metric_families as parse
from served import serve

from mlops.serving.app import Application
from mlops.serving.collection.distributions import HOUR, Distributions, find_counts
from mlops.serving.collection.drift import FEWEST_ROWS
from mlops.serving.collection.settings import Folders
from mlops.serving.collection.turns import TurnCollector
from mlops.serving.identity import MANIFEST, REGISTERED
from mlops.serving.metrics.age import describe_age
from mlops.serving.metrics.bins import ColumnBins
from mlops.serving.metrics.page import MetricsPage
from mlops.serving.metrics.profile import PROFILE, encode_profile
from mlops.serving.scoring import Scorer
from mlops.serving.telemetry.families import describe_telemetry
from mlops.serving.workers.families import describe_supervisor

KEY = "the-key"
IDENTITY = {"image": "tiny:3", "digest": "sha256:abc", "model_name": "tiny", "model_version": 3}
NAME = re.compile(r"\bmlops_\w+")
SUFFIXES = ("_bucket", "_sum", "_count")
# For the alert rules: each series of a service with problems, and of one without. Each value is one minute's; "0+2"
# increases by 2 in each minute.
BAD, GOOD, MINUTES = "mlops-bad", "mlops-good", 120
SERIES = {
    "up{}": ("0", "1"),
    'mlops_workers_ready{worker="0"}': ("0", "1"),
    'mlops_workers_ready{worker="1"}': ("0", "0"),
    'mlops_requests_total{path="/score", status="200"}': ("0+100", "0+100"),
    'mlops_requests_total{path="/score", status="500"}': ("0+2", "0+0.5"),
    'mlops_requests_total{path="/score", status="422"}': ("0+13", "0+9"),
    'mlops_request_duration_seconds_bucket{le="0.1"}': ("0+98", "0+100"),
    'mlops_request_duration_seconds_bucket{le="+Inf"}': ("0+100", "0+100"),
    'mlops_request_duration_seconds_bucket{le="1.0"}': ("0+100", "0+100"),
    "mlops_requests_waiting{}": ("101", "100"),
    'mlops_worker_starts_total{worker="0"}': ("1+1", "1"),
    "mlops_collection_dropped_rows_total{}": ("0+1", "5"),
    "mlops_collection_refused_requests_total{}": ("0+1", "5"),
    "mlops_collection_oldest_record_age_seconds{}": ("901", "900"),
    'mlops_collection_uploads_total{result="failed"}': ("0+1", "0+0.1"),
    'mlops_collection_uploads_total{result="done"}': ("0+1", "0+1"),
    "mlops_uploader_starts_total{}": ("1+1", "1"),
    "mlops_collection_free_bytes{}": ("9e8", "1e9"),
    'mlops_drift_psi{column="a"}': ("0.26", "0.25"),
    "mlops_model_age_seconds{}": ("7776001", "7776000"),
    "mlops_telemetry_dropped_total{}": ("0+1", "5"),
}


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of each sample that a service reports after one request, by the sample's name."""
    folder = tmp_path_factory.mktemp("service")
    (folder / PROFILE).write_bytes(encode_profile((ColumnBins("a", "number", (1.0,), counts=(1, 2, 3)),)))
    (folder / MANIFEST).write_text('{"name": "tiny:3", "model": {"name": "tiny", "version": 3}, "runtime": "script"}')
    collector = Collection(folder / "collected").open(url="file:///uploads")
    counted = Distributions({int(time.time()) // HOUR: {"a": [FEWEST_ROWS, 0, 0]}})
    find_counts(folder, folder / "collected").write_bytes(msgspec.json.encode(counted))
    turns = TurnCollector(collector, Folders(folder, folder))
    scorer = Scorer(lambda rows: rows[:, 0], NUMBERS, turns.pack)
    scorer.recorder.watch(turns.measure)
    supervised = partial(describe_supervisor, tmp_path_factory.mktemp("service"))
    telemetry = partial(describe_telemetry, folder)
    page = MetricsPage(scorer.recorder, IDENTITY, None, [supervised, telemetry, turns.describe, describe_age])
    headers = {"Authorization": f"Bearer {KEY}"}
    application = Application(scorer, [KEY], IDENTITY, {}, turns, page)
    with pytest.MonkeyPatch.context() as patch, serve(application) as url:
        patch.setenv(REGISTERED, "1795780800")
        requests.post(f"{url}/score", json={"data": [[1, 2, 3]]}, headers=headers, timeout=60)
        text = requests.get(f"{url}/metrics", headers=headers, timeout=60).text
    found: dict[str, set[str]] = {}
    for sample in (sample for family in parse(text) for sample in family.samples):
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.fixture(scope="module")
def dashboard(project: Path) -> dict[str, Any]:
    """The dashboard."""
    found: dict[str, Any] = json.loads((project / "docs/monitoring/dashboard.json").read_text())
    return found


@pytest.fixture(scope="module")
def expressions(project: Path, dashboard: dict[str, Any]) -> list[str]:
    """The expressions of the alert rules and of the dashboard."""
    groups = yaml.safe_load((project / "docs/monitoring/alerts.yml").read_text())["groups"]
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [rule["expr"] for group in groups for rule in group["rules"]] + shown


def test_each_metric_of_the_rules_and_the_dashboard_exists(
    metrics: dict[str, set[str]], expressions: list[str], dashboard: dict[str, Any], project: Path
) -> None:
    queries = [variable["query"]["query"] for variable in dashboard["templating"]["list"] if "datasource" in variable]
    alerts = (project / "docs/monitoring/alerts.yml").read_text()
    named = {name for text in (*expressions, *queries, alerts) for name in NAME.findall(text)}
    assert {name for name in named if name not in metrics and f"{name}_sum" not in metrics} == set()
    assert len(named) > 15


def test_each_label_of_the_rules_and_the_dashboard_exists(metrics: dict[str, set[str]], expressions: list[str]) -> None:
    for text in expressions:
        known = {"job", *(label for name in NAME.findall(text) for label in metrics[name])}
        chosen = re.findall(r'(\w+)=~?"', text)
        grouped = [name for names in re.findall(r"by \(([\w, ]+)\)", text) for name in names.split(", ")]
        assert {*chosen, *grouped} <= known, text


def test_the_manual_describes_each_metric_and_no_others(metrics: dict[str, set[str]], project: Path) -> None:
    manual = (project / "docs/monitoring.md").read_text()
    described = {*re.findall(r"`(mlops_\w+)`", manual)}
    assert described == {re.sub(f"({'|'.join(SUFFIXES)})$", "", name) for name in metrics}


def test_the_documents_name_the_rows_that_the_stability_index_needs(dashboard: dict[str, Any], project: Path) -> None:
    (panel,) = (panel for panel in dashboard["panels"] if "stability index" in panel["title"])
    assert panel["fieldConfig"]["defaults"]["noValue"] == f"Needs {FEWEST_ROWS} rows of the last day"
    assert f"It is missing for fewer than {FEWEST_ROWS} rows" in (project / "docs/monitoring.md").read_text()


def test_the_dashboard_gets_its_data_source_from_a_variable(dashboard: dict[str, Any]) -> None:
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    sources = [one["datasource"] for panel in panels for one in (panel, *panel["targets"])]
    assert sources == [{"type": "prometheus", "uid": "${datasource}"}] * len(sources)
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len({*ids}) == len(ids)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len({*cells}) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_promtool_accepts_all_expressions(project: Path, expressions: list[str], tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    texts = [text.replace("$__rate_interval", "5m") for text in expressions]
    rules = [{"record": f"rule:{number}", "expr": text} for number, text in enumerate(texts)]
    recorded = tmp_path / "rules.yml"
    recorded.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    subprocess.run([promtool, "check", "rules", project / "docs/monitoring/alerts.yml", recorded], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed; .ci/run installs it")
def test_each_alert_is_raised_only_for_the_service_with_problems(project: Path, tmp_path: Path) -> None:
    rules = project / "docs/monitoring/alerts.yml"
    names = [rule["alert"] for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"]]
    series = [
        {"series": add_job(name, job), "values": f"{value}x{MINUTES}"}
        for name, values in SERIES.items()
        for job, value in zip((BAD, GOOD), values, strict=True)
    ]
    expected = [{"labels": f'{{alertname="{name}", job="{BAD}"}}', "value": 1} for name in names]
    raised = 'sum by (alertname, job) (ALERTS{alertstate="firing"})'
    question = {"expr": raised, "eval_time": f"{MINUTES}m", "exp_samples": expected}
    content = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [question]}],
    }
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def add_job(series: str, job: str) -> str:
    """Return the name of a series with the label job."""
    return re.sub(r",? ?}$", f', job="{job}"}}', series).replace("{, ", "{")
