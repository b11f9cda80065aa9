"""What workers count in shared memory, and how their counts are added up."""

import math
import os
from collections import Counter
from pathlib import Path

import pytest

from mlops.serving.metrics.declared import CONNECTIONS, METRICS, OPENED, PLACES, REASONS, SECONDS, SIZE, STARTS
from mlops.serving.metrics.families import Family, describe_workers
from mlops.serving.metrics.reasons import BY_STATUS, name_reason
from mlops.serving.metrics.recorder import Recorder
from mlops.serving.metrics.slots import open_slots, read_workers
from mlops.serving.refusals import Refusal

ENDED = 2**22 + 1  # no process has this id, because it is above the limit of Linux


def start_worker(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Start to count as the worker with this number."""
    monkeypatch.setenv("MLOPS_WORKER", str(number))
    return Recorder(open_slots(folder))


def read(folder: Path) -> dict[str, Family]:
    """Return the counts of all workers in a folder."""
    return {family.name: family for family in describe_workers(read_workers(folder))}


def find(family: Family, suffix: str = "", **labels: str) -> float:
    """Return the value of the sample with this suffix and these labels; 0.0 if it was left out."""
    return next((one.value for one in family.samples if (one.suffix, dict(one.labels)) == (suffix, labels)), 0.0)


def test_the_places_of_all_metrics_are_different() -> None:
    used = [place for metric in METRICS for place in range(PLACES[metric], PLACES[metric] + metric.size)]
    assert used == [*range(SIZE)]


def test_the_bins_of_times_are_log_linear() -> None:
    assert SECONDS[:10] == (0.0001, 0.00015, 0.0002, 0.00025, 0.0003, 0.0004, 0.0005, 0.0006, 0.0008, 0.001)
    assert (SECONDS[-1], len(SECONDS)) == (100.0, 55)


def test_the_counts_of_two_workers_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (0, 1):
        recorder = start_worker(tmp_path, number, monkeypatch)
        recorder.count_answer("/score", 200)
        recorder.count_answer("/score", 503)
        recorder.count_answer("/no/such/path", 404)
        recorder.count_answer("/score", 418)
        recorder.count_scored(0.0021, 3)
        recorder.count_call(0.5, 700)
    found = read(tmp_path)
    requests = found["mlops_requests"]
    expected = {("/score", "200"), ("/score", "503"), ("other", "404"), ("/score", "other")}
    assert {(one.labels["path"], one.labels["status"]): one.value for one in requests.samples} == dict.fromkeys(
        expected, 2
    )
    duration = found["mlops_request_duration_seconds"]
    assert [find(duration, "_bucket", le=le) for le in ("0.002", "0.0025", "+Inf")] == [0, 2, 2]
    assert (find(duration, "_sum"), find(duration, "_count")) == (pytest.approx(0.0042), 2)
    assert (find(found["mlops_request_rows"], "_sum"), find(found["mlops_batch_rows"], "_sum")) == (6, 1400)
    assert find(found["mlops_script_duration_seconds"], "_bucket", le="0.5") == 2
    assert [find(found["mlops_worker_answers"], worker=worker) for worker in "01"] == [4, 4]
    assert find(found["mlops_workers"]) == 2


def test_each_metric_of_all_workers_is_the_sum_of_those_of_each_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (0, 1):
        recorder = start_worker(tmp_path, number, monkeypatch)
        for place in range(PLACES[METRICS[3]], SIZE):
            recorder.slots[place] = (place + 1) << 20 * number  # so that each sum is exact, and no two are equal
    workers = read_workers(tmp_path)
    together, each = [*describe_workers(workers)], [*describe_workers(workers, by_worker=True)]
    assert [(one.name, one.kind, one.text) for one in each] == [(one.name, one.kind, one.text) for one in together]
    counted = {metric.name: metric.by_worker for metric in METRICS}
    for whole, parts in zip(together, each, strict=True):
        if counted.get(whole.name, True):  # these have the label in both, and the number of workers has it in none
            assert [one.labels for one in parts.samples] == [one.labels for one in whole.samples]
            continue
        sums: dict[str, Counter[tuple[str, frozenset[tuple[str, str]]]]] = {"0": Counter(), "1": Counter()}
        for one in parts.samples:
            labels = dict(one.labels)
            sums[labels.pop("worker")][one.suffix, frozenset(labels.items())] += one.value
        assert sums["0"] + sums["1"] == {
            (one.suffix, frozenset(one.labels.items())): one.value for one in whole.samples
        }
        assert sums["0"].keys() == sums["1"].keys()


def test_a_restarted_worker_continues_its_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seen in (3.0, 4.0):  # what the process of the worker has counted until its end
        recorder = start_worker(tmp_path, 0, monkeypatch)
        counted = {OPENED: 0.0, CONNECTIONS: 0.0}
        recorder.watch(lambda counted=counted: counted)  # type: ignore[misc]
        recorder.count_answer("/score", 200)
        counted.update({OPENED: seen, CONNECTIONS: seen})
        recorder.refresh()
        recorder.refresh()
    found = read(tmp_path)
    assert find(found["mlops_requests"], path="/score", status="200") == 2
    assert (find(found["mlops_connections_opened"]), find(found["mlops_connections"])) == (7, 4)
    assert find(found["mlops_worker_starts"], worker="0") == 2


def test_a_worker_whose_process_ended_has_counts_but_no_gauges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorders = [start_worker(tmp_path, number, monkeypatch) for number in (0, 1)]
    for recorder in recorders:
        recorder.count_connection()
        recorder.watch(lambda: {CONNECTIONS: 5})
        recorder.refresh()
    assert find(read(tmp_path)["mlops_connections"]) == 10
    recorders[0].slots[PLACES[METRICS[1]]] = ENDED
    found = read(tmp_path)
    assert [find(found[name]) for name in ("mlops_connections", "mlops_connections_opened", "mlops_workers")] == [
        5,
        2,
        1,
    ]
    assert [*found["mlops_worker_resident_memory_bytes"].samples][0].labels == {"worker": "1"}


def test_the_file_of_another_version_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "worker-0").write_bytes(os.urandom(SIZE * 8 + 80))
    assert read_workers(tmp_path) == []
    recorder = start_worker(tmp_path, 0, monkeypatch)
    assert (len(recorder.slots), recorder.slots[PLACES[STARTS]], math.fsum(recorder.slots[PLACES[OPENED] :])) == (
        SIZE,
        1,
        0,
    )


def test_each_refusal_has_a_reason() -> None:
    assert {*BY_STATUS.values()} <= {*REASONS}
    refusals = [
        Refusal(401, ""),
        Refusal(422, "", {"rule": "range"}),
        Refusal(422, ""),
        Refusal(503, "", reason="disk"),
        Refusal(503, ""),
    ]
    assert [name_reason(one) for one in refusals] == ["key", "range", "script_refused", "disk", "other"]
