"""The values of collected rows are counted once, in the bins of the training data."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from collected import KINDS, NOON, NUMBERS, add, add_kinds

from mlops.serving.collection.collector import Collector, Identity
from mlops.serving.collection.distributions import (
    PREFIX,
    DistributionCounter,
    find_counts,
)
from mlops.serving.collection.drift import FEWEST_ROWS, describe_drift
from mlops.serving.collection.segments import CLOSED, list_segments
from mlops.serving.collection.settings import Settings
from mlops.serving.collection.uploader import Uploader
from mlops.serving.identity import MANIFEST, read_identity
from mlops.serving.metrics.bins import PREDICTION, ColumnBins
from mlops.serving.metrics.profile import PROFILE, encode_profile
from mlops.serving.schema import Schema
from mlops.serving.tracing import TEST

NOW = NOON / 1e9
HOUR = 3600
COLUMNS = (
    ColumnBins("a", "number", (100.0, 200.0), counts=(5, 5, 0, 0)),
    ColumnBins("plan", "text", values=("basic", "plus"), counts=(8, 2, 0, 0)),
    ColumnBins("city", "text", values=("Bern",), counts=(10, 0, 0)),
    ColumnBins("mobile", "text", values=("false", "true"), counts=(5, 5, 0, 0)),
    ColumnBins("joined", "date", (18500.0, 19500.0), counts=(1, 1, 1, 0)),
    ColumnBins("fee", "number", (10.0,), counts=(3, 3, 0)),
)
LABELS = ColumnBins(PREDICTION, "text", values=("leaves", "stays"), counts=(5, 5, 0, 0))
SUMS = ColumnBins(PREDICTION, "number", (500.0,), counts=(5, 5, 0))


class Service:
    """A service that collects, and the uploader beside it, in a folder of the test."""

    def __init__(self, folder: Path, schema: Schema, prediction: ColumnBins, **options: Any) -> None:
        self.bundle, self.folder = folder / "bundle", folder / "segments"
        for path in (self.bundle, self.folder):
            path.mkdir()
        manifest = {"name": "churn:3", "model": {"name": "churn", "version": 3}, "runtime": "script"}
        (self.bundle / MANIFEST).write_text(json.dumps(manifest))
        (self.bundle / PROFILE).write_bytes(encode_profile((*COLUMNS, prediction)))
        self.settings = Settings(folder=str(self.folder), **options)
        self._schema = schema
        self.counter = DistributionCounter(self.bundle, self.folder)

    def open(self, digest: str = "", now: int = NOON) -> Collector:
        """Open a collector."""
        identity = Identity("churn", "3", digest or read_identity(self.bundle)["digest"])
        return Collector(self.settings, identity, self._schema, clock=lambda: now)

    def list_closed(self) -> list[Path]:
        """Return the closed segments."""
        return list_segments(self.folder, CLOSED)

    def describe(self, now: float = NOW) -> dict[str, dict[str, float]]:
        """Return the rows and the shares that are not 0, as the service reports them."""
        families = {family.name: family for family in describe_drift(self.bundle, self.settings, now)}
        found = {"rows": {one.labels["column"]: one.value for one in families["mlops_drift_rows"].samples}}
        for name in ("drift", "training"):
            for one in families[f"mlops_{name}_value_ratio"].samples:
                if one.value:
                    found.setdefault(f"{name} {one.labels['column']}", {})[one.labels["bin"]] = one.value
        found["psi"] = {one.labels["column"]: one.value for one in families["mlops_drift_psi"].samples}
        return found


def collect(service: Service, name: str, **options: Any) -> None:
    """Collect a request of four rows in a segment of its own."""
    collector = service.open(**options)
    add(collector, name, rows=4)
    collector.close()


def test_each_segment_is_counted_once(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS)
    collect(service, "a")  # a: 97, 100, 103, 106
    service.counter.count(service.list_closed(), NOW)
    service.counter.count(service.list_closed(), NOW)
    collect(service, "b")  # a: 98, 101, 104, 107
    restarted = DistributionCounter(service.bundle, service.folder)
    restarted.count(service.list_closed(), NOW)
    found = service.describe()
    assert found["rows"]["a"] == found["rows"][PREDICTION] == 8
    assert found["drift a"] == {"00 up to 100": 3 / 8, "01 100 to 200": 5 / 8}
    assert found["drift _prediction"] == {"00 up to 500": 1.0}
    assert found["training a"] == {"00 up to 100": 0.5, "01 100 to 200": 0.5}


def test_the_stability_index_needs_many_rows(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS)
    collector = service.open()
    add(collector, "a", rows=FEWEST_ROWS - 1)
    collector.close()
    service.counter.count(service.list_closed(), NOW)
    found = service.describe()
    assert (found["rows"]["a"], found["psi"]) == (FEWEST_ROWS - 1, {})
    collect(service, "b")
    service.counter.count(service.list_closed(), NOW)
    found = service.describe()
    assert found["drift a"]["02 above 200"] > 0.9
    assert found["psi"]["a"] == pytest.approx(5.47, abs=0.01)


def test_the_next_service_continues_the_counts_if_it_has_the_same_image(tmp_path: Path) -> None:
    """The uploader of an old service that was killed counts its last rows while the next service already serves."""
    service = Service(tmp_path, NUMBERS, SUMS, url=(tmp_path / "uploads").as_uri())
    collector = service.open(now=time.time_ns())
    add(collector, "a", rows=4)
    assert collector._segment is not None
    os.close(collector._segment._handle)  # the process dies
    Uploader(service.settings, counter=service.counter).run()
    collect(service, "b", now=time.time_ns())
    Uploader(service.settings, counter=DistributionCounter(service.bundle, service.folder)).run()
    assert service.describe(time.time())["rows"]["a"] == 8


def test_counts_of_other_images_are_deleted_after_a_day(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS)
    old, new = (service.folder / f"{PREFIX}{name}.json" for name in ("old", "new"))
    for path, hours in ((old, 30), (new, 20)):
        path.write_text("{}")
        os.utime(path, (NOW - hours * HOUR,) * 2)
    collect(service, "a")
    service.counter.count(service.list_closed(), NOW)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_full_disk_does_not_stop_the_uploads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(tmp_path, NUMBERS, SUMS, url=(tmp_path / "uploads").as_uri())
    find_counts(service.bundle, service.folder).mkdir()  # writing the counts fails
    collect(service, "a", now=time.time_ns())
    Uploader(service.settings, counter=service.counter).run()
    assert service.list_closed() == []
    assert "The distributions of the rows were not stored: Is a directory" in caplog.text


def test_values_of_all_kinds_are_counted(tmp_path: Path) -> None:
    service = Service(tmp_path, KINDS, LABELS)
    collector = service.open()
    add_kinds(collector)
    collector.close()
    service.counter.count(service.list_closed(), NOW)
    found = service.describe()
    assert found["drift plan"] == {"basic": 0.5, "plus": 0.5}
    assert found["drift city"] == {"Bern": 0.5, "missing": 0.5}
    assert found["drift mobile"] == {"true": 0.5, "missing": 0.5}
    assert found["drift joined"] == {"00 up to 2020-08-26": 0.5, "02 above 2023-05-23": 0.5}
    assert found["drift fee"] == {"00 up to 10": 0.5, "01 above 10": 0.5}
    assert found["drift _prediction"] == {"stays": 1.0}


def test_columns_that_are_left_out_or_hashed_are_not_shown(tmp_path: Path) -> None:
    service = Service(tmp_path, KINDS, LABELS, omitted=("fee",), hashed=("plan",), key="secret")
    collector = service.open()
    add_kinds(collector)
    collector.close()
    service.counter.count(service.list_closed(), NOW)
    found = service.describe()
    assert {"city", "mobile", "joined", PREDICTION} <= found["rows"].keys()
    assert not {"fee", "plan", "drift fee", "training plan"} & {*found, *found["rows"], *found["psi"]}
    assert "plan" not in find_counts(service.bundle, service.folder).read_text()


def test_only_rows_of_this_image_and_of_the_last_day_are_counted(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS)
    collect(service, "other image", digest="sha256:other")
    collect(service, "old", now=NOON - 25 * HOUR * 10**9)
    collect(service, "new", now=NOON - 20 * HOUR * 10**9)
    service.counter.count(service.list_closed(), NOW)
    assert service.describe()["rows"]["a"] == 4
    collect(service, "newer", now=NOON + 5 * HOUR * 10**9)
    service.counter.count(service.list_closed(), NOW + 5 * HOUR)
    assert service.describe(NOW + 5 * HOUR)["rows"]["a"] == 4  # the other four are too old now
    assert service.describe(NOW + 30 * HOUR)["rows"]["a"] == 0  # although nothing was counted since


def test_the_rows_with_which_a_release_tested_the_service_are_not_counted(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS)
    collector = service.open()
    add(collector, f"{TEST}1", "a", f"{TEST}2", rows=4)
    collector.close()
    service.counter.count(service.list_closed(), NOW)
    assert service.describe()["rows"]["a"] == 4


def test_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS)
    find_counts(service.bundle, service.folder).write_bytes(b"{")
    assert service.describe()["rows"]["a"] == 0


def test_the_uploader_counts_before_it_deletes(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS, url=(tmp_path / "uploads").as_uri())
    collect(service, "a", now=time.time_ns())
    Uploader(service.settings, counter=service.counter).run()
    assert (service.list_closed(), service.describe(time.time())["rows"]["a"]) == ([], 4)


def test_an_image_without_a_profile_counts_nothing(tmp_path: Path) -> None:
    service = Service(tmp_path, NUMBERS, SUMS)
    (service.bundle / PROFILE).unlink()
    collect(service, "a")
    DistributionCounter(service.bundle, service.folder).count(service.list_closed(), NOW)
    assert service.describe() == {"rows": {}, "psi": {}}
    assert not find_counts(service.bundle, service.folder).exists()
