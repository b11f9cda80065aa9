"""Random requests, collected and read again: each row has what was sent, as far as it was not left out or forgotten."""

import json
import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collected import Collection

from mlops.catalog.collected import Selection, read_collected
from mlops.catalog.forgetting import forget_person
from mlops.platform.datasets import CollectedPlace
from mlops.serving.collection.forgetting import Person
from mlops.serving.collection.packing import hash_text
from mlops.serving.collection.segments import OPEN, list_segments
from mlops.serving.collection.settings import Settings
from mlops.serving.collection.uploader import Uploader
from mlops.serving.rows import RowReader
from mlops.serving.schema import Answer, Feature, Schema

VALUES: Mapping[str, list[Any]] = {
    "number": [0, -0.0, 2.5, 5e-324, 1e308, 2**53 + 1, 10**25],
    "category": ["a", "é", "\u2028", "\0", "NaN", "None", "=1", 'a"b', "x" * 50],
    "boolean": [True, False],
    "date": ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"],
    "id": [1, -5, 10**30, "7", "é"],
}
TORN = [b"", bytes(40), b"\xf5MLC", b"\xf5MLC\x10\0\0\0abcd"]
KEY = "secret"


def draw_schema(chooser: random.Random) -> Schema:
    """Return a schema with one to six features."""
    kinds = ["number"] if chooser.random() < 0.3 else [*VALUES]
    names = chooser.sample(["a", "b c", "é", "x.y", "0", "data", "ids", 'q"'], chooser.randint(1, 6))
    features = [Feature(name, chooser.choice(kinds), missing=chooser.random() < 0.5) for name in names]
    return Schema(1, tuple(features), Answer(), id=chooser.choice(["", "who"]))


def draw_value(chooser: random.Random, feature: Feature) -> Any:
    """Return a value that the feature allows."""
    gap = [None, ""] if feature.kind in ("category", "id") else [None]
    return chooser.choice(gap if feature.missing and chooser.random() < 0.25 else VALUES[feature.kind])


def expect_value(kind: str, treatment: str, value: Any) -> Any:
    """Return a value as the table has it."""
    if value is None or value == "":
        return None
    if treatment == "hashed":
        text = str(float(value)) if kind == "number" else str(value)
        return hash_text(KEY.encode(), text.lower() if kind == "boolean" else text)
    convert: Mapping[str, Any] = {"number": float, "date": date.fromisoformat, "id": str}
    return convert.get(kind, lambda same: same)(value)


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 300))])
def test_random_requests_come_back_as_they_were_sent(tmp_path: Path, seed: int) -> None:
    chooser = random.Random(seed)
    schema = draw_schema(chooser)
    ided = [schema.id] * bool(schema.id)
    treated = {name: chooser.choice(["kept"] * 4 + ["omitted", "hashed"]) for name in [*schema.names, *ided]}
    omitted, hashed = (tuple(name for name in treated if treated[name] == how) for how in ("omitted", "hashed"))
    collection = Collection(tmp_path / "segments", schema)
    collector = collection.open(omitted=omitted, hashed=hashed, key=KEY, segment_bytes=chooser.choice([400, 10**6]))
    reader, expected = RowReader(schema), []
    for request in map(str, range(12)):
        rows = [{one.name: draw_value(chooser, one) for one in schema.features} for _ in range(chooser.choice([1, 5]))]
        sent = [chooser.choice([None, "", "p1", 7]) for _ in rows] if ided else [None] * len(rows)
        read, count, ids = reader.read_rows(json.dumps({"data": rows, **({"ids": sent} if ided else {})}).encode())
        packed = collector.pack(read, ids)
        assert packed is not None
        collector.add(request, packed, np.arange(count) / 3)
        expected += [(request, place, row, one) for place, (row, one) in enumerate(zip(rows, sent, strict=True))]
        if chooser.random() < 0.5:
            collection.clock.advance(0.1)
            collector.flush()
    collector.flush()
    if chooser.random() < 0.5:
        collector.close()
    place = CollectedPlace(tmp_path / "segments", (tmp_path / "uploads").as_uri())
    if chooser.random() < 0.5:
        Uploader(Settings(folder=str(place.folder), url=place.url)).run()
    kept = bool(ided) and treated[schema.id] != "omitted"
    columns = {one.name: one.kind for one in schema.features if treated[one.name] != "omitted"}
    searched = [name for name, kind in columns.items() if kind == "id"]
    if chooser.random() < 0.5 and not list_segments(tmp_path / "segments", OPEN):
        forget_person(place, Person(["7"], KEY))
        found = [{str(row[name]) for name in searched} | {str(one) if kept else ""} for *_, row, one in expected]
        expected = [row for row, ids in zip(expected, found, strict=True) if "7" not in ids]
    for path in list_segments(tmp_path / "segments", OPEN):
        path.write_bytes(path.read_bytes() + chooser.choice(TORN))
    table = read_collected(place, Selection()).to_pylist()
    lines = {(line["_request"], line["_row"]): line for line in table}
    assert len(lines) == len(table)
    assert {*lines} == {(request, number) for request, number, *_ in expected}
    for request, number, row, one in expected:
        line = lines[request, number]
        assert line["_prediction"] == number / 3
        assert line.get("_id") == (expect_value("id", treated[schema.id], one) if kept else None)
        assert {name: repr(line[name]) for name in columns} == {
            name: repr(expect_value(kind, treated[name], row[name])) for name, kind in columns.items()
        }
        assert not {*omitted} & {*line}
