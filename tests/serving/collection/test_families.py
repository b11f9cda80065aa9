"""What ``/metrics`` says about the rows that are collected, and not uploaded yet."""

from pathlib import Path

import pytest
from collected import NOON, Collection, add

from mlops.serving.collection.families import describe_backlog
from mlops.serving.collection.segments import CLOSED, DAMAGED, list_segments
from mlops.serving.collection.turns import TurnCollector
from mlops.serving.metrics.declared import COLLECTED_ROWS, DROPPED_ROWS, DROPPED_SEGMENTS, REFUSED

URL = "az://container/path"


def measure(collection: Collection, seconds: float = 0.0) -> dict[str, float]:
    """Return the metrics of a folder, some time after noon."""
    found = describe_backlog(collection.settings, clock=lambda: NOON / 1e9 + seconds)
    return {family.name.removeprefix("mlops_collection_"): family.samples[0].value for family in found}


def test_the_oldest_row_that_is_not_uploaded_has_an_age(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collector = collection.open(url=URL)
    assert measure(collection)["oldest_record_age_seconds"] == 0
    add(collector, "first")
    collection.clock.advance(70)
    add(collector, "second")  # closes the first segment
    assert measure(collection, 100)["oldest_record_age_seconds"] == pytest.approx(100)
    assert measure(collection, -100)["oldest_record_age_seconds"] == 0  # the clock was set back
    list_segments(tmp_path, CLOSED)[0].unlink()  # uploaded
    assert measure(collection, 100)["oldest_record_age_seconds"] == pytest.approx(30)


def test_a_damaged_segment_does_not_wait_for_an_upload(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collector = collection.open(url=URL)
    add(collector, "first")
    collector.close()
    (segment,) = list_segments(tmp_path, CLOSED)
    segment.rename(segment.with_suffix(DAMAGED))
    found = measure(collection, 100)
    assert (found["oldest_record_age_seconds"], found["bytes"] > 100) == (0, True)


def test_rows_that_stay_in_the_folder_have_no_age(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    add(collection.open(max_bytes=12_345), "first")
    found = measure(collection, 100)
    assert "oldest_record_age_seconds" not in found
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert (found["bytes"], found["limit_bytes"], found["free_bytes"] > 0) == (size, 12_345, True)


def test_what_a_worker_collects_and_drops_is_counted(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open(max_bytes=4000)
    turns = TurnCollector(collector)
    for number in range(60):
        add(collector, str(number), rows=4)
    found = turns.measure()
    assert found[COLLECTED_ROWS] == 240
    assert found[DROPPED_ROWS] == collector.counters.dropped_rows > 0
    assert found[DROPPED_SEGMENTS] == collector.counters.dropped_segments > 0
    assert found[REFUSED] == 0
    assert [family.name for family in turns.describe()][0] == "mlops_collection_bytes"
