"""The collector of a worker: when segments are closed, what is sampled, and what happens when the disk is full."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from collected import NOON, NUMBERS, Clock, Collection, add, list_requests, read_local

from mlops.serving.collection.collector import CLOSE_NOW, DAY
from mlops.serving.collection.segments import CLOSED, DAMAGED, OPEN, find_day, list_segments
from mlops.serving.refusals import Refusal

HOUR = 3600.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_segment_is_closed_by_its_size(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open(segment_bytes=1500)
    for number in range(40):
        add(collector, f"r{number}")
    closed = list_segments(tmp_path, CLOSED)
    assert len(closed) > 1
    assert all(path.stat().st_size <= 1500 for path in closed)
    assert sorted(list_requests(read_local(tmp_path))) == sorted(f"r{number}" for number in range(40))


def test_a_turn_that_is_larger_than_a_segment_has_a_segment_of_its_own(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collector = collection.open(segment_bytes=1500)
    for name, rows in (("small", 1), ("large", 500), ("after", 1)):
        add(collector, name, rows=rows)
        collection.clock.advance(1)
    assert [list_requests([segment]) for segment in read_local(tmp_path)] == [["small"], ["large"], ["after"]]


def test_a_segment_is_closed_by_its_age_also_if_no_request_arrives(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collector = collection.open(segment_seconds=5.0)
    add(collector, "r1")
    collection.clock.advance(4.9)
    collector.tick()
    assert list_segments(tmp_path, CLOSED) == []
    collection.clock.advance(0.2)
    collector.tick()
    assert len(list_segments(tmp_path, CLOSED)) == 1
    assert list_segments(tmp_path, OPEN) == []


def test_a_clock_that_is_set_back_delays_nothing_and_a_segment_has_records_of_one_day(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collector = collection.open(segment_seconds=3 * HOUR)
    add(collector, "noon")
    collection.clock.now -= int(2 * HOUR * 1e9)
    add(collector, "ten")
    assert [[turn.time for turn in segment.turns] for segment in read_local(tmp_path)] == [
        [NOON, NOON - int(2 * HOUR * 1e9)]
    ]
    collection.clock.now -= DAY
    add(collector, "yesterday")
    collection.clock.now += 2 * DAY
    add(collector, "tomorrow")
    found = {find_day(path.name): read_local(tmp_path) for path in list_segments(tmp_path, OPEN, CLOSED)}
    assert [*found] == ["2026-11-26", "2026-11-27", "2026-11-28"]
    for path, segment in zip(list_segments(tmp_path, OPEN, CLOSED), read_local(tmp_path), strict=True):
        days = {np.datetime64(turn.time, "ns").astype("datetime64[D]") for turn in segment.turns}
        assert {str(day) for day in days} == {find_day(path.name)}
    collection.clock.seconds += 3 * HOUR
    collector.tick()
    assert list_segments(tmp_path, OPEN) == []


def test_another_process_can_ask_for_the_segment_to_be_closed(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open()
    add(collector, "r1")
    collector.tick()
    assert list_segments(tmp_path, CLOSED) == []
    (tmp_path / CLOSE_NOW).touch()
    collector.tick()
    assert len(list_segments(tmp_path, CLOSED)) == 1
    add(collector, "r2")
    collector.tick()
    assert len(list_segments(tmp_path, CLOSED)) == 1


def test_a_share_of_the_requests_is_collected_and_recorded(tmp_path: Path) -> None:
    collection = Collection(tmp_path, options={"share": 0.25})
    draws = itertools.cycle([0.1, 0.3, 0.6, 0.9])
    collector = collection.open()
    collector._choose = lambda: next(draws)
    packed = [collector.pack(np.ones((1, 3))) for _ in range(100)]
    assert sum(found is not None for found in packed) == 25
    add_one = next(found for found in packed if found is not None)
    collector.add("r", add_one, np.ones(1))
    collector.flush()
    assert read_local(tmp_path)[0].header.share == 0.25


def test_the_policy_drop_deletes_the_oldest_segments_and_counts_them(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collector = collection.open(segment_bytes=1000, max_bytes=5000)
    for number in range(60):
        collection.clock.advance(1)
        add(collector, f"r{number:02}", rows=2)
    left = list_requests(read_local(tmp_path))
    dropped = collector.counters.dropped_rows
    assert left == [f"r{number:02}" for number in range(60 - len(left), 60)]
    assert dropped == 2 * (60 - len(left)) > 0
    assert collector.counters.dropped_segments > 0
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000


def test_the_policy_refuse_refuses_before_scoring_until_there_is_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collection = Collection(tmp_path)
    collector = collection.open(policy="refuse", segment_bytes=1000, max_bytes=5000)
    with pytest.raises(Refusal, match="The service has no space left for storing requests") as refused:
        add(collector, *[f"r{number:02}" for number in range(99)], rows=5)
    for number in itertools.count():
        try:
            collection.clock.advance(0.01)
            add(collector, f"r{number:02}")
        except Refusal:
            break
    kept = list_requests(read_local(tmp_path))
    assert kept == [f"r{number:02}" for number in range(len(kept))]
    assert (collector.counters.refused, refused.value.status) == (100, 503)
    assert f"Requests refused so far: 99. They could not be collected: {tmp_path} has reached" in caplog.text
    for path in list_segments(tmp_path, CLOSED):
        path.unlink()  # as the uploader does
    collection.clock.advance(1)
    add(collector, "again")
    assert "again" in list_requests(read_local(tmp_path))


def test_damaged_segments_count_and_are_not_dropped(tmp_path: Path) -> None:
    damaged = tmp_path / f"20261127T110000.000000Z-0123456789abcdef{DAMAGED}"
    damaged.write_bytes(b"x" * 4000)
    collector = Collection(tmp_path).open(segment_bytes=600, max_bytes=5000)
    for number in range(30):
        add(collector, f"r{number}")
    assert damaged.exists()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000


@pytest.mark.parametrize("policy", ["drop", "refuse"])
def test_on_a_full_disk_nothing_that_was_acknowledged_is_torn(small_disk: Path, policy: str) -> None:
    """On a real disk, a write can be incomplete before it fails."""
    collection = Collection(small_disk / "segments")
    collector = collection.open(policy=policy, segment_bytes=20_000)
    acknowledged, refused = [], 0
    for number in range(400):
        collection.clock.advance(0.01)
        try:
            add(collector, f"r{number:03}", rows=30)
            acknowledged.append(f"r{number:03}")
        except Refusal:
            refused += 1
    collector.close()
    segments = read_local(small_disk / "segments")
    assert all(segment.is_whole for segment in segments)
    found = list_requests(segments)
    if policy == "drop":
        assert refused == 0
        assert len(found) == 400 - collector.counters.dropped_rows // 30
        assert found[-1] == "r399"
    else:
        assert found == acknowledged
        assert refused == collector.counters.refused > 100


def test_a_disk_full_of_other_files_drops_the_rows_and_answers(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = small_disk / "segments"
    collection = Collection(folder)
    collector = collection.open()
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "other").write_bytes(b"x" * 100_000)
    for number in range(50):
        add(collector, f"r{number}")
    assert collector.counters.dropped_rows == 50
    assert [record.getMessage() for record in caplog.records] == [
        "Rows dropped so far: 1. They could not be collected: [Errno 28] No space left on device"
    ]
    (small_disk / "other").unlink()
    add(collector, "again")
    collector.close()
    assert list_requests(read_local(folder)) == ["again"]


def test_a_folder_that_was_deleted_is_created_again_and_the_loss_is_counted(tmp_path: Path) -> None:
    collection = Collection(tmp_path / "segments")
    collector = collection.open()
    add(collector, "r1")
    for path in (tmp_path / "segments").iterdir():
        path.unlink()
    (tmp_path / "segments").rmdir()
    collection.clock.advance(HOUR)
    add(collector, "r2")
    assert list_requests(read_local(tmp_path / "segments")) == ["r2"]
    assert collector.counters.dropped_rows == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"omitted": ("d",)}, "There is no column 'd' to leave out or to hash. The columns are: a, b, c."),
        ({"hashed": ("a",)}, "The columns a are to be hashed, but there is no key."),
        ({"omitted": ("a",), "hashed": ("a",), "key": "k"}, "The column 'a' cannot be both left out and hashed."),
    ],
)
def test_wrong_settings_are_refused_at_the_start(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Collection(tmp_path, NUMBERS, Clock(), dict(options)).open()


def test_without_a_schema_the_body_can_be_left_out(tmp_path: Path) -> None:
    message = "There is no column 'fee' to leave out or to hash. The columns are: request."
    with pytest.raises(ValueError, match=message):
        Collection(tmp_path, None).open(omitted=("fee",))
    collector = Collection(tmp_path, None, options={"omitted": ("request",)}).open()
    packed = collector.pack({"request": np.array(["secret"], dtype=object)})
    assert packed == ([], None)
