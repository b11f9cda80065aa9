"""The order of runs: by their start, whatever they are called and whatever the clock says."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops.record.ledger import RunRecord, iterate_runs, list_runs, number_run, write_run
from mlops.record.order import find_place, sort_records, take_order
from mlops.record.processes import NO_PROCESS

NOON = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()) * 1_000_000_000


def record_run(outputs: Path, run_id: str, started: str = "2026-11-22T12:00:00Z", order: int = 0) -> Path:
    """Write the record of a run; with an `order` of 0, as an older version without that field wrote it."""
    write_run(RunRecord(run_id, "all", "local", "failed", started, "", NO_PROCESS, (), order=order), outputs)
    return outputs / run_id / "run.json"


def list_names(outputs: Path) -> list[str]:
    """Return the names of the runs, newest first."""
    return [run.run_id for run in list_runs(outputs)]


def test_a_run_that_somebody_named_is_not_the_newest_for_ever(tmp_path: Path) -> None:
    """The smallest input: `mlops run retrain --run-id monday`, and then any other run."""
    for name in ("monday", "20261126-190758-retrain-00000000", "a"):
        record_run(tmp_path, name, order=number_run(tmp_path))
    assert list_names(tmp_path) == ["a", "20261126-190758-retrain-00000000", "monday"]


def test_a_clock_that_is_set_back_makes_no_new_run_old(tmp_path: Path) -> None:
    for name, seconds in (("b", 7200), ("a", 0), ("c", 60)):
        order = take_order(tmp_path.glob("*/run.json"), clock=lambda: NOON + seconds * 1_000_000_000)  # noqa: B023
        record_run(tmp_path, name, f"2026-11-22T12:0{seconds // 60 % 60}:00Z", order)
    assert list_names(tmp_path) == ["c", "a", "b"]


def test_numbers_follow_the_clock_so_that_runs_of_several_machines_sort_by_time(tmp_path: Path) -> None:
    assert take_order([], clock=lambda: NOON) == NOON // 1000
    path = record_run(tmp_path, "a", order=NOON // 1000)
    assert take_order([path], clock=lambda: NOON + 5000) == NOON // 1000 + 5
    assert take_order([path], clock=lambda: NOON - 5000) == NOON // 1000 + 1


def test_records_from_before_the_number_sort_by_their_start(tmp_path: Path) -> None:
    record_run(tmp_path, "monday", "2026-11-22T12:00:00Z")
    record_run(tmp_path, "20261122-120001-all-3f9a51c2", "2026-11-22T12:00:01Z")
    record_run(tmp_path, "20261122-120001-all-0f9a51c2", "2026-11-22T12:00:01Z")
    record_run(tmp_path, "new", order=NOON // 1000 + 500_000)
    names = ["20261122-120001-all-3f9a51c2", "20261122-120001-all-0f9a51c2", "new", "monday"]
    assert list_names(tmp_path) == names
    assert [run.run_id for run in iterate_runs(tmp_path)] == names


@pytest.mark.parametrize("content", [b"", b"[", b'{"started": "\x80"}', b"[" * 100_000, b'{"order": "x"}'])
def test_a_damaged_record_keeps_the_place_of_its_name(tmp_path: Path, content: bytes) -> None:
    old = record_run(tmp_path, "20261122-110000-all-3f9a51c2", "2026-11-22T11:00:00Z")
    damaged = record_run(tmp_path, "20261122-120000-all-3f9a51c2")
    damaged.write_bytes(content)
    new = record_run(tmp_path, "20261122-130000-all-3f9a51c2", "2026-11-22T13:00:00Z")
    assert sort_records([old, damaged, new]) == [new, damaged, old]


def test_a_record_that_is_gone_or_written_again_is_looked_at_again(tmp_path: Path) -> None:
    path = record_run(tmp_path, "a", order=5)
    assert find_place(path)[0] == 5
    record_run(tmp_path, "a", order=60)
    assert find_place(path)[0] == 60
    path.unlink()
    assert find_place(path)[0] == 0


def test_runs_that_start_at_the_same_moment_always_sort_alike(tmp_path: Path) -> None:
    paths = [record_run(tmp_path, name, order=7) for name in ("b", "a", "c")]
    assert sort_records(paths) == sort_records(reversed(paths))


def test_the_number_is_in_the_record(tmp_path: Path) -> None:
    path = record_run(tmp_path, "a", order=number_run(tmp_path))
    assert json.loads(path.read_bytes())["order"] > NOON // 1000
