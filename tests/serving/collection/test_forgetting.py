"""A person's rows are removed from a segment, and all others stay as they are."""

from pathlib import Path

import pytest
from collected import KINDS, Collection, add_kinds, list_requests, read_local

from mlops.serving.collection.forgetting import Person, forget_rows
from mlops.serving.collection.segments import OPEN, decode_segment, list_segments
from mlops.serving.collection.unpacking import unpack_predictions, unpack_rows

OTHERS = b"""{"data": [
{"plan": "pro", "city": "Bern", "fee": 1, "mobile": false, "joined": "2020-01-31", "paid": null, "seller": "s2"}
]}"""


def write(folder: Path, **options: object) -> bytes:
    """Return the content of a segment with two requests, of two sellers and of a third one."""
    collector = Collection(folder, KINDS).open(**options)
    add_kinds(collector, ids=["c1", "c2"])
    add_kinds(collector, OTHERS)
    (path,) = list_segments(folder, OPEN)
    return path.read_bytes()


@pytest.mark.parametrize(("person", "left"), [("s1", [["basic"], ["pro"]]), ("c2", [["plus"], ["pro"]])])
def test_rows_are_found_by_the_ids_in_columns_and_beside_the_rows(
    tmp_path: Path, person: str, left: list[list[str]]
) -> None:
    content, removed = forget_rows(write(tmp_path), Person([person]))
    segment = decode_segment(content)
    assert segment is not None
    assert removed == 1
    found = [unpack_rows(segment.header, turn.records)["plan"].tolist() for turn in segment.turns]
    assert found == left
    assert [turn.rows for turn in segment.turns] == [1, 1]
    (kept,) = segment.turns[0].records
    assert (kept.count, unpack_predictions(segment.header, [kept])[0].tolist()) == (1, [[0.25, 0.75]])
    assert kept.ids == [{"s1": "c2", "c2": "c1"}[person]]
    columns = unpack_rows(segment.header, [kept])
    assert columns["fee"].tolist() == [{"s1": 5.5, "c2": 20.0}[person]]
    assert str(columns["joined"][0])[:10] == {"s1": "2024-02-29", "c2": "2020-01-31"}[person]


def test_hashed_ids_are_found_with_the_key(tmp_path: Path) -> None:
    content = write(tmp_path, hashed=("seller",), key="secret")
    assert forget_rows(content, Person(["s1"]))[1] == 0
    assert forget_rows(content, Person(["s1"], "other"))[1] == 0
    assert forget_rows(content, Person(["s1"], "secret"))[1] == 1


def test_a_segment_without_a_row_left_is_empty(tmp_path: Path) -> None:
    assert forget_rows(write(tmp_path), Person(["s1", "7", "s2"])) == (b"", 3)


def test_what_concerns_nobody_does_not_change(tmp_path: Path) -> None:
    content = write(tmp_path)
    assert forget_rows(content, Person(["another person"])) == (content, 0)
    assert list_requests(read_local(tmp_path)) == ["records", "records"]
