"""Rows and predictions come back as the service got them, with the types of the schema."""

from pathlib import Path

import numpy as np
from collected import KINDS, NUMBERS, Collection, add, add_kinds, read_local

from mlops.serving.collection.packing import hash_text
from mlops.serving.collection.segments import Segment
from mlops.serving.collection.unpacking import Arrays, unpack_predictions, unpack_rows


def read(folder: Path) -> tuple[Segment, Arrays]:
    """Return the only segment in a folder, and its columns."""
    (segment,) = read_local(folder)
    return segment, unpack_rows(segment.header, [record for turn in segment.turns for record in turn.records])


def test_numbers_keep_every_bit(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open()
    values = np.array([[0.1 + 0.2, -0.0, np.nan], [5e-324, 1e308, np.pi]])
    for rows in (values, np.asfortranarray(values), values[::-1]):
        packed = collector.pack(rows)
        assert packed is not None
        collector.add("r", packed, rows[:, 0] * 3)
    collector.flush()
    segment, columns = read(tmp_path)
    expected = np.concatenate([values, values, values[::-1]])
    assert [*columns] == ["a", "b", "c"]
    assert np.stack([*columns.values()], axis=1).tobytes() == expected.tobytes()
    predictions = unpack_predictions(segment.header, segment.turns[0].records)
    assert np.concatenate(predictions).tobytes() == (expected[:, 0] * 3).tobytes()


def test_every_kind_comes_back_with_its_gaps(tmp_path: Path) -> None:
    add_kinds(Collection(tmp_path, KINDS).open())
    segment, columns = read(tmp_path)
    assert columns["plan"].tolist() == ["plus", "basic"]
    assert columns["city"].tolist() == [None, "Bern"]
    assert columns["fee"].tolist() == [20.0, 5.5]
    assert columns["mobile"].tolist() == [None, True]
    assert columns["seller"].tolist() == ["s1", "7"]
    assert columns["joined"].astype("datetime64[D]").astype(str).tolist() == ["2020-01-31", "2024-02-29"]
    assert columns["paid"].astype("datetime64[D]").astype(str).tolist() == ["NaT", "2026-01-05"]
    (predictions,) = unpack_predictions(segment.header, segment.turns[0].records)
    assert predictions.tolist() == [[0.25, 0.75]] * 2


def test_columns_are_left_out_or_hashed(tmp_path: Path) -> None:
    collection = Collection(tmp_path, KINDS)
    add_kinds(collection.open(omitted=("plan", "fee"), hashed=("city", "seller", "joined", "mobile"), key="secret"))
    _, columns = read(tmp_path)
    assert [*columns] == ["city", "mobile", "joined", "paid", "seller"]
    assert columns["city"].tolist() == [None, hash_text(b"secret", "Bern")]
    assert columns["mobile"].tolist() == [None, hash_text(b"secret", "true")]
    assert columns["joined"].tolist() == [hash_text(b"secret", day) for day in ("2020-01-31", "2024-02-29")]
    assert columns["seller"].tolist() == [hash_text(b"secret", text) for text in ("s1", "7")]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(text in stored for text in (b"Bern", b"basic", b"secret"))


def test_numbers_can_be_left_out_and_hashed_too(tmp_path: Path) -> None:
    collection = Collection(tmp_path, NUMBERS)
    add(collection.open(omitted=("a",)), "r")
    assert [*read(tmp_path)[1]] == ["b", "c"]
    other = Collection(tmp_path / "other", NUMBERS)
    collector = other.open(hashed=("b",), key="k")
    packed = collector.pack(np.array([[1.0, 0.5, np.nan]]))
    assert packed is not None
    collector.add("r", packed, np.ones(1))
    collector.flush()
    columns = read(tmp_path / "other")[1]
    assert columns["a"].tolist() == [1.0]
    assert columns["b"].tolist() == [hash_text(b"k", "0.5")]
    assert np.isnan(columns["c"]).all()


def test_all_columns_can_be_left_out(tmp_path: Path) -> None:
    collector = Collection(tmp_path, NUMBERS).open(omitted=("a", "b", "c"))
    add(collector, "r")
    segment, columns = read(tmp_path)
    assert columns == {}
    assert unpack_predictions(segment.header, segment.turns[0].records)[0].tolist() == [114 * 3 + 3.0]


def test_numbers_come_back_if_all_other_columns_are_left_out(tmp_path: Path) -> None:
    add_kinds(Collection(tmp_path, KINDS).open(omitted=("plan", "city", "mobile", "joined", "paid", "seller")))
    _, columns = read(tmp_path)
    assert {name: values.tolist() for name, values in columns.items()} == {"fee": [20.0, 5.5]}


def test_labels_and_booleans_are_predictions_too(tmp_path: Path) -> None:
    collector = Collection(tmp_path).open()
    for predictions in (np.array(["leaves", "stays"]), np.array([True, False]), np.array([1, 2])):
        packed = collector.pack(np.ones((2, 3)))
        assert packed is not None
        collector.add("r", packed, predictions)
    collector.flush()
    segment, _ = read(tmp_path)
    found = unpack_predictions(segment.header, segment.turns[0].records)
    assert [values.tolist() for values in found] == [["leaves", "stays"], [True, False], [1.0, 2.0]]
