"""A folder that workers scan: the same findings as on one machine. The workers are this process."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inline_workers import InlineWorkers, Ready

from mlops.cluster import parts
from mlops.cluster import scan as cluster_scan
from mlops.cluster.folder import inspect_folder
from mlops.cluster.parts import open_part
from mlops.cluster.scan import scan_folder
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import ColumnProfile
from mlops.data.scan import TableScan, scan_file
from mlops.data.validation import find_violations
from mlops.errors import IntegrityError, UsageError
from mlops.problem import Column

RULES = [
    Column("far", minimum=0, maximum=1e6 + 2),
    Column("few", minimum=0, maximum=3),
    Column("gaps", minimum=-9, maximum=9),
    Column("text", minimum=0, maximum=1),
    Column("gone", minimum=0, maximum=1),
]


def make_frame(rows: int, seed: int) -> pd.DataFrame:
    """Return a table that breaks rules."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "far": 1e6 + values,
            "few": rng.integers(0, 3, rows),
            "gaps": np.where(np.arange(rows) == rows - 2, np.nan, values),
            "infinite": np.where(values > 2, np.inf, values),
            "text": np.where(np.arange(rows) == 7, f"n/k {seed}", "0.5"),
            "more": values > 0,
        }
    )


REFERENCE = make_reference(make_frame(400, seed=9)[["far", "few", "gaps", "infinite"]])


def write_folder(folder: Path) -> str:
    """Write five files: other types, a missing column, no rows, and rows that are in two files."""
    folder.mkdir()
    first, second = make_frame(300, seed=0), make_frame(200, seed=1)
    pq.write_table(pa.Table.from_pandas(first.head(0)), folder / "0.parquet")
    first.to_parquet(folder / "a.parquet", row_group_size=70)
    second.assign(few=second["few"].astype("int8")).drop(columns="gaps").to_parquet(folder / "b.parquet")
    first.head(40).to_parquet(folder / "c.parquet")
    second.assign(far=second["far"].astype("float32"), extra=1).to_parquet(folder / "d.parquet")
    (folder / "_SUCCESS").touch()
    return str(folder)


def assert_same(found: TableScan, expected: TableScan) -> None:
    """Compare two scans: everything exactly, except means and squares, to 1e-12."""
    pd.testing.assert_frame_equal(found.head, expected.head)
    assert found.numbers.keys() == expected.numbers.keys()
    numbers = {}
    for name, column in found.numbers.items():
        other = expected.numbers[name].profile
        assert column.profile.mean == pytest.approx(other.mean, rel=1e-12, abs=1e-14), name
        assert column.profile.squares == pytest.approx(other.squares, rel=1e-12), name
        numbers[name] = replace(column, profile=replace(column.profile, mean=other.mean, squares=other.squares))
    assert replace(found, numbers=numbers, head=expected.head) == expected


@pytest.mark.parametrize("bucket", [10**6, 50])
def test_a_folder_has_the_same_findings_as_on_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: int
) -> None:
    monkeypatch.setattr(cluster_scan, "BUCKET", bucket)
    url = write_folder(tmp_path / "data.parquet")
    found, expected = scan_folder(url, RULES, REFERENCE, InlineWorkers()), scan_file(url, RULES, REFERENCE)
    assert_same(found, expected)
    assert found.copies == 40
    violations = find_violations(found, RULES, REFERENCE)
    assert violations == find_violations(expected, RULES, REFERENCE)
    assert {violation.rule for violation in violations} == {"columns", "duplicates", "missing", "range", "type"}


@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
def test_a_file_is_a_table_of_one_part(tmp_path: Path, name: str) -> None:
    url, frame = str(tmp_path / name), make_frame(100, seed=0)
    frame.to_csv(url, index=False) if name.endswith("csv") else frame.to_parquet(url)
    assert_same(scan_folder(url, RULES, REFERENCE, InlineWorkers()), scan_file(url, RULES, REFERENCE))


def test_files_without_rows_have_columns(tmp_path: Path) -> None:
    url = tmp_path / "data.parquet"
    url.mkdir()
    for name in ("a", "b"):
        make_frame(9, seed=0).head(0).to_parquet(url / f"{name}.parquet")
    assert_same(scan_folder(str(url), RULES, REFERENCE, InlineWorkers()), scan_file(str(url), RULES, REFERENCE))


def test_a_url_is_read_by_the_workers_themselves(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data.parquet")
    for path in Path(folder).iterdir():
        fsspec.filesystem("memory").pipe(f"/parts/{path.name}", path.read_bytes())
    found = scan_folder("memory://parts", RULES, REFERENCE, InlineWorkers())
    assert_same(replace(found, url=folder), scan_file(folder, RULES, REFERENCE))


def overwrite(path: Path) -> None:
    make_frame(50, seed=3).to_parquet(path)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("change", [overwrite, damage])
def test_a_file_that_changes_after_it_was_inspected_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    url = write_folder(tmp_path / "data.parquet")
    folder = inspect_folder(url, InlineWorkers(), is_hashed=True)
    change(Path(folder.parts[1].location))
    with pytest.raises(IntegrityError, match=r"data\.parquet changed while it was read\. Test it again\."):
        open_part(folder.parts[1], folder.columns).__enter__()


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    url = write_folder(tmp_path / "data.parquet")
    folder = inspect_folder(url, InlineWorkers(), is_hashed=True)
    with (
        pytest.raises(IntegrityError, match=r"changed while it was read"),
        open_part(folder.parts[1], folder.columns),
    ):
        overwrite(Path(folder.parts[1].location))


def test_a_file_whose_time_alone_changes_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = write_folder(tmp_path / "data.parquet")
    expected, read = scan_file(url, RULES, REFERENCE), parts.read_schema

    def touch(path: Path) -> tuple[pa.Schema, int]:
        os.utime(path, (0, 0))
        return read(path)

    monkeypatch.setattr(parts, "read_schema", touch)  # after the file is inspected, and before its rows are read
    assert_same(scan_folder(url, RULES, REFERENCE, InlineWorkers()), expected)


@pytest.mark.parametrize("where", [slice(None, 100), slice(-40, None)])
def test_a_damaged_file_is_refused_as_on_one_machine(tmp_path: Path, where: slice) -> None:
    url = write_folder(tmp_path / "data.parquet")
    path = tmp_path / "data.parquet" / "b.parquet"
    path.write_bytes(path.read_bytes()[where])
    with pytest.raises(UsageError, match=r"data\.parquet/b\.parquet is not a complete Parquet file") as here:
        scan_file(url, RULES, REFERENCE)
    with pytest.raises(UsageError) as there:
        scan_folder(url, RULES, REFERENCE, InlineWorkers())
    assert str(there.value) == str(here.value)


@pytest.mark.parametrize("url", ["gone.parquet", "gone.csv", "memory://gone.csv"])
def test_a_missing_file_is_refused_before_a_worker_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=rf"There is no data file {url}"):
        scan_folder(url, RULES, REFERENCE, InlineWorkers())


def test_the_hashes_of_rows_stay_on_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[object] = []

    class Noting(InlineWorkers):
        def collect(self, handles: list[Ready]) -> list[object]:  # type: ignore[override, type-arg]
            collected.extend(handle.value for handle in handles)
            return super().collect(handles)

    scan_folder(write_folder(tmp_path / "data.parquet"), RULES, REFERENCE, Noting())
    flat = [part for value in collected for part in (value if isinstance(value, tuple) else [value])]
    assert not [part for part in flat if isinstance(part, (np.ndarray, Mapping))]


def test_categories_are_counted_across_files(tmp_path: Path) -> None:
    columns = (Column("plan", kind="category", allowed=("basic", "plus")), Column("x", minimum=0.0))
    rows = pd.DataFrame({"plan": ["basic", "plus", None, "gold"] * 10, "x": np.arange(40.0) // 8})
    folder = tmp_path / "data.parquet"
    folder.mkdir()
    rows.head(17).to_parquet(folder / "a.parquet")
    rows.tail(23).to_parquet(folder / "b.parquet")
    found, expected = scan_folder(str(folder), columns, {}, InlineWorkers()), scan_file(str(folder), columns, {})
    assert_same(found, expected)
    assert (found.copies, found.others["plan"].refused, found.others["plan"].missing) == (20, 10, 10)
    assert find_violations(found, columns, {}) == find_violations(expected, columns, {})


KINDS = (
    Column("customer", kind="id"),
    Column("plan", kind="category", allowed=("basic", "plus", "rare"), min_share=0.01, max_missing=0.5),
    Column("note", kind="category", max_missing=0.5),
    Column("paid", kind="boolean", max_missing=0.5, min_share=0.4),
    Column("begin", kind="date", minimum=date(2020, 1, 1), maximum=date(2024, 12, 31), watch_drift=True),
    Column("mixed", kind="date"),
    Column("x", minimum=0.0),
)


def make_kinds(rows: int, seed: int) -> pd.DataFrame:
    """Return a table of all kinds, which breaks rules."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2020-01-01") + rng.integers(0, 2000, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "customer": [f"C{number}" for number in rng.integers(0, 20 * rows, rows)],
            "plan": rng.choice(["basic", "plus", "gold", None], rows, p=[0.5, 0.3, 0.1, 0.1]),
            "note": [f"note {number % 2000}" if number % 3 else None for number in range(rows)],
            "paid": rng.choice(np.array([True, False, None], dtype=object), rows, p=[0.8, 0.1, 0.1]),
            "begin": days.astype("datetime64[us]"),
            "mixed": np.where(np.arange(rows) % 100 == 5, "soon", days.astype(str)),
            "x": rng.normal(size=rows),
        }
    )


@pytest.mark.parametrize("bucket", [10**6, 50])
def test_every_kind_has_the_same_findings_as_on_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: int
) -> None:
    monkeypatch.setattr(cluster_scan, "BUCKET", bucket)
    folder = tmp_path / "data.parquet"
    folder.mkdir()
    rows = make_kinds(2600, seed=0)
    rows.head(1100).to_parquet(folder / "a.parquet")
    rows.iloc[1100:1110].assign(paid=[1, 0] * 5, begin="2023-05-06").to_parquet(folder / "b.parquet")
    pd.concat([rows.iloc[1110:], rows.head(50)]).to_parquet(folder / "c.parquet")
    reference = make_reference(make_kinds(900, seed=1).drop(columns="mixed"), KINDS)
    found, expected = (
        scan_folder(str(folder), KINDS, reference, InlineWorkers()),
        scan_file(str(folder), KINDS, reference),
    )
    others = {name: replace(column, days=expected.others[name].days) for name, column in found.others.items()}
    assert_same(replace(found, others=others), expected)
    for name in ("begin", "mixed"):
        days, known = found.others[name].profile, expected.others[name].profile
        assert isinstance(days, ColumnProfile)
        assert isinstance(known, ColumnProfile)
        assert days.histogram == known.histogram
        assert days.mean == pytest.approx(known.mean, rel=1e-12)
    assert found.others["note"].counts.is_crowded
    violations = find_violations(found, KINDS, reference)
    assert violations == find_violations(expected, KINDS, reference)
    assert {f"{violation.column}:{violation.rule}" for violation in violations} == {
        "(table):duplicates",
        "customer:unique",
        "plan:values",
        "plan:share",
        "paid:share",
        "begin:range",
        "mixed:type",
        "x:range",
    }
