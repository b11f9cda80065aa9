"""Totals become increases, also after a restart of the sender."""

from pathlib import Path

from mlops.serving.metrics.families import Family, Sample, list_bins
from mlops.serving.telemetry.items import Measured
from mlops.serving.telemetry.meter import Meter


def make_families(good: float, bad: float, bins: list[float], ready: float = 1) -> list[Family]:
    """Return a counter, a histogram and a gauge."""
    counted = [Sample(good, {"status": "200"}), Sample(bad, {"status": "500"})]
    observed = [*list_bins((1.0, 2.0, 3.0), bins), Sample(1.5 * sum(bins), suffix="_sum")]
    return [
        Family("mlops_model", "info", "", [Sample(1)]),
        Family("mlops_requests", "counter", "", counted),
        Family("mlops_request_rows", "histogram", "", observed),
        Family("mlops_workers_ready", "gauge", "", [Sample(ready)]),
        Family("mlops_drift_value_ratio", "gauge", "", [Sample(0.5)]),
    ]


def test_counters_and_histograms_are_increases_and_gauges_are_values(tmp_path: Path) -> None:
    meter = Meter(tmp_path / "totals.json")
    meter.measure(make_families(10, 0, [5, 5, 0, 0]))
    assert meter.measure(make_families(13, 0, [5, 7, 1, 0], ready=0)) == [
        Measured("mlops_requests", 3, {"status": "200"}),
        Measured("mlops_request_rows", 4.5, {}, 3, 1.0, 3.0),
        Measured("mlops_workers_ready", 0),
    ]


def test_a_restarted_sender_continues(tmp_path: Path) -> None:
    Meter(tmp_path / "totals.json").measure(make_families(10, 1, [5, 5, 0, 0]))
    measured = Meter(tmp_path / "totals.json").measure(make_families(11, 1, [5, 5, 0, 2]))
    assert measured[:2] == [
        Measured("mlops_requests", 1, {"status": "200"}),
        Measured("mlops_request_rows", 3.0, {}, 2, 3.0, 3.0),  # above the last bound
    ]


def test_a_gauge_that_stayed_0_is_left_out(tmp_path: Path) -> None:
    meter = Meter(tmp_path / "totals.json")
    found = [meter.measure(make_families(0, 0, [0, 0, 0, 0], ready)) for ready in (0, 2, 0, 0)]
    assert [[one.value for one in measured] for measured in found] == [[], [2], [0], []]


def test_a_new_service_begins_again_and_a_damaged_file_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "totals.json"
    path.write_text("{")
    meter = Meter(path)
    assert meter.measure(make_families(10, 0, [0, 0, 0, 0]))[0].value == 10
    assert meter.measure(make_families(4, 0, [0, 0, 0, 0]))[0].value == 4
