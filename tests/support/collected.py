"""Collected requests: a schema with every kind, a collector whose clock tests set, and the rows that it wrote."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from mlops.serving.collection.collector import Collector, Identity
from mlops.serving.collection.segments import CLOSED, OPEN, Segment, decode_segment, list_segments
from mlops.serving.collection.settings import Settings
from mlops.serving.collection.stores import open_store
from mlops.serving.rows import RowReader
from mlops.serving.schema import Answer, Feature, Schema

NOON = 1_795_780_800_000_000_000  # 2026-11-27, 12:00 UTC, in nanoseconds
DAY = date(2026, 11, 27)
IDENTITY = Identity("churn", "3", "sha256:abc")
NUMBERS = Schema(1, (Feature("a"), Feature("b"), Feature("c", missing=True)), Answer())
KINDS = Schema(
    1,
    (
        Feature("plan", "category"),
        Feature("city", "category", missing=True),
        Feature("fee"),
        Feature("mobile", "boolean", missing=True),
        Feature("joined", "date"),
        Feature("paid", "date", missing=True),
        Feature("seller", "id"),
    ),
    Answer("category", ("leaves", "stays")),
    id="customer",
)
BODY = b"""{"data": [
{"plan": "plus", "city": null, "fee": 20, "mobile": null, "joined": "2020-01-31", "paid": null, "seller": "s1"},
{"plan": "basic", "city": "Bern", "fee": 5.5, "mobile": true, "joined": "2024-02-29", "paid": "2026-01-05", "seller": 7}
]}"""


@dataclass
class Clock:
    """The two clocks of a collector: the time of day in nanoseconds, and seconds that always increase."""

    now: int = NOON
    seconds: float = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * 1e9)
        self.seconds += seconds


@dataclass
class Collection:
    """A collector whose clock a test sets."""

    folder: Path
    schema: Schema | None = NUMBERS
    clock: Clock = field(default_factory=Clock)
    options: dict[str, Any] = field(default_factory=dict)
    identity: Identity = IDENTITY

    @property
    def settings(self) -> Settings:
        """The settings of the collector."""
        return Settings(folder=str(self.folder), **self.options)

    def open(self, **options: Any) -> Collector:
        """Open a collector."""
        self.options |= options
        clock = self.clock
        return Collector(
            self.settings, self.identity, self.schema, clock=lambda: clock.now, elapsed=lambda: clock.seconds
        )


def add(collector: Collector, *names: str, width: int = 3, rows: int = 1) -> None:
    """Collect one request per name, with numbers that all differ, and write them as one turn."""
    for name in names:
        number = float(sum(map(ord, name)))
        values = np.arange(rows * width, dtype=float).reshape(rows, width) + number
        packed = collector.pack(values)
        assert packed is not None
        collector.add(name, packed, values.sum(axis=1))
    collector.flush()


def add_kinds(collector: Collector, body: bytes = BODY, ids: list[str | None] | None = None) -> None:
    """Collect a request with records of every kind."""
    rows, count, _ = RowReader(KINDS).read_rows(body)
    packed = collector.pack(rows, ids)
    assert packed is not None
    collector.add("records", packed, np.tile([0.25, 0.75], (count, 1)))
    collector.flush()


def read_local(folder: Path, *endings: str) -> list[Segment]:
    """Return the segments in a folder."""
    found = [decode_segment(path.read_bytes()) for path in list_segments(folder, *(endings or (OPEN, CLOSED)))]
    return [segment for segment in found if segment]


def read_uploads(url: str, options: dict[str, str] | None = None) -> dict[str, Segment]:
    """Return the uploaded segments by their names."""
    store = open_store(url, options)
    found = {name: decode_segment(gzip.decompress(store.read(name))) for name in store.list_names()}
    return {name: segment for name, segment in found.items() if segment}


def list_requests(segments: Sequence[Segment]) -> list[str]:
    """Return the ids of all requests in segments."""
    return [record.request for segment in segments for turn in segment.turns for record in turn.records]
