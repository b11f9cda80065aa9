"""The scan of a table: the same numbers as from plain numpy and pandas, whatever the data and however it is read."""

import contextlib
import os
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_profiles import scan_frame

from mlops.data import content, totals
from mlops.data.content import open_content
from mlops.data.drift import choose_columns, compare_profiles, describe_choice
from mlops.data.profile import ColumnProfile, profile_column
from mlops.data.scan import TableScan, scan_file
from mlops.data.tables import read_table
from mlops.errors import IntegrityError, UsageError
from mlops.files.hashes import hash_file
from mlops.problem import Column

RULES = [
    Column(name, minimum=-1.0, maximum=1e4)
    for name in ("plain", "gaps", "infinite", "large", "far", "single", "exact", "few", "text")
]
EDGES = {
    "plain": (-1.0, -0.5, 0.0, 0.5, 1.0),
    "gaps": (0.0,),
    "infinite": (-1.0, 1.0),
    "large": (0.0, 2.0**53, 2.0**60),
    "far": (1e6 - 1, 1e6, 1e6 + 1),
    "single": (0.1, 0.2),
    "exact": (0.5,),
    "empty": (),
    "zero": (0.0,),
    "few": (0.5, 1.5),
}
REFERENCE = {name: replace(profile_column(np.zeros(0), edges), edges=edges) for name, edges in EDGES.items()}


def make_table(rows: int = 1000, seed: int = 0) -> pa.Table:
    """Return a table with every kind of column that has led to errors."""
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=rows)
    columns = {
        "plain": pa.array(plain),
        "gaps": pa.array(np.where(rng.random(rows) < 0.2, np.nan, plain), mask=rng.random(rows) < 0.1),
        "infinite": pa.array(np.select([plain > 2, plain < -2], [np.inf, -np.inf], plain)),
        "large": pa.array(rng.integers(2**53, 2**62, rows), mask=rng.random(rows) < 0.1),
        "far": pa.array(1e6 + plain),
        "single": pa.array(plain.astype("float32")),
        "exact": pa.array([Decimal(f"{value:.6f}") for value in plain]),
        "few": pa.array(rng.integers(0, 3, rows), pa.int8()),
        "empty": pa.array([None] * rows, pa.float64()),
        "zero": pa.array(np.where(plain > 0, 0.0, -0.0)),
        "text": pa.array(["0.5", None, "n/k", "b"] * (rows // 4)),
        "yes": pa.array(plain > 0),
        "day": pa.array([date(2026, 1, 2)] * rows),
    }
    return pa.table(columns)


def expect(values: pd.Series, edges: tuple[float, ...]) -> ColumnProfile:
    """Return the profile of a column as plain numpy computes it."""
    return profile_column(values.to_numpy(dtype=float, na_value=np.nan), edges)


def assert_same(found: TableScan, frame: pd.DataFrame) -> None:
    """Compare a scan with plain numpy and pandas: counts exactly, moments to 1e-12."""
    for name, edges in EDGES.items():
        values = frame[name].astype("float64")
        column, expected = found.numbers[name], expect(values, edges)
        found_limits = (column.profile.minimum, column.profile.maximum)
        limits = {"minimum": expected.minimum, "maximum": expected.maximum}
        assert replace(column.profile, mean=expected.mean, squares=expected.squares, **limits) == expected, name
        if expected.count:
            assert found_limits == pytest.approx((expected.minimum, expected.maximum), rel=1e-15), name
        assert column.profile.mean == pytest.approx(expected.mean, rel=1e-12, abs=1e-14), name
        assert column.profile.squares == pytest.approx(expected.squares, rel=1e-12, abs=1e-14), name
        gaps = values.isna().to_numpy()
        assert (column.missing, column.first_missing) == (gaps.sum(), gaps.argmax() if gaps.any() else -1), name
        if not gaps.all():
            assert (column.lowest, column.highest) == pytest.approx((values.min(), values.max()), rel=1e-15), name
        if name in {rule.name for rule in RULES}:
            assert column.outside == ((values < -1.0) | (values > 1e4)).sum(), name
    compared = frame[[rule.name for rule in RULES if rule.name != "text"]]
    assert found.copies == compared.astype({"exact": "float64"}).duplicated().sum()


@pytest.fixture(params=["polars", "numpy"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Counts batches of any height with polars, or with numpy; a batch has 1,000 rows."""
    monkeypatch.setattr(totals, "TALL", 0 if request.param == "polars" else 10**9)
    monkeypatch.setattr(content, "VALUES", 0)
    return str(request.param)


@pytest.mark.usefixtures("engine")
def test_a_file_is_profiled_as_numpy_does_it(tmp_path: Path) -> None:
    table = pa.concat_tables([make_table(2200), make_table(2200).slice(3, 500)])
    pq.write_table(table, tmp_path / "data.parquet", row_group_size=900)
    found = scan_file(str(tmp_path / "data.parquet"), RULES, REFERENCE)
    assert found.rows == 2700
    assert found.copies == 500
    assert_same(found, table.to_pandas())
    text = found.others["text"]
    assert (text.type, text.example, text.missing, text.first_missing) == ("str", "n/k", 675, 1)
    assert found.others.keys() == {"text"}
    assert not {"yes", "day"} & found.numbers.keys()


@pytest.mark.usefixtures("engine")
def test_a_table_in_memory_is_profiled_as_numpy_does_it() -> None:
    frame = make_table(1200).to_pandas().astype({"exact": "float64", "large": "Int64"})
    assert_same(scan_frame(frame, RULES, REFERENCE), frame)


@pytest.mark.usefixtures("engine")
def test_a_folder_is_one_table_even_if_its_types_differ(tmp_path: Path) -> None:
    """Missing columns, another type of integer, double instead of single precision."""
    folder = tmp_path / "data.parquet"
    folder.mkdir()
    first, second = make_table(1200), make_table(400, seed=1)
    wider = second.set_column(second.schema.get_field_index("few"), "few", second["few"].cast(pa.int64()))
    pq.write_table(first, folder / "a.parquet")
    pq.write_table(wider.drop_columns(["gaps"]), folder / "b.parquet")
    pq.write_table(first.slice(0, 40), folder / "c.parquet")
    found = scan_file(str(folder), RULES, REFERENCE)
    frame = read_table(str(folder)).frame
    assert found.rows == len(frame) == 1640
    assert found.copies == 40
    assert_same(found, frame.astype({"exact": "float64"}))
    assert found.sha256 == read_table(str(folder)).sha256


@pytest.mark.parametrize(("narrow", "copies"), [("int32", 0), ("uint8", 0), ("uint64", 1), ("float32", 1)])
def test_integers_of_several_types_stay_integers_if_one_type_holds_them(
    tmp_path: Path, narrow: str, copies: int
) -> None:
    """2**53 and 2**53 + 1 are the same number only in double precision."""
    folder = tmp_path / "data.parquet"
    folder.mkdir()
    pd.DataFrame({"x": [1, 2]}, dtype=narrow).to_parquet(folder / "a.parquet")
    pd.DataFrame({"x": [2**53, 2**53 + 1]}, dtype="int64").to_parquet(folder / "b.parquet")
    assert read_table(str(folder)).frame.duplicated().sum() == copies
    assert scan_file(str(folder), [Column("x", minimum=0, maximum=1e99)], {}).copies == copies


@pytest.mark.usefixtures("engine")
def test_a_column_that_begins_with_missing_values_is_added_up_as_exactly(tmp_path: Path) -> None:
    """Its sum of squares had a relative error of 5e-10, because the distances were those from 0."""
    values = np.r_[np.full(1000, np.nan), np.random.default_rng(0).normal(1e6, 1, 9000)]
    pd.DataFrame({"x": values}).to_parquet(tmp_path / "data.parquet")
    found = scan_file(str(tmp_path / "data.parquet"), [], {}).numbers["x"].profile
    expected = profile_column(values, ())
    assert found.count == 9000
    assert found.mean == pytest.approx(expected.mean, rel=1e-14)
    assert found.squares == pytest.approx(expected.squares, rel=1e-12)


@pytest.mark.usefixtures("engine")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("large", [1e200, 1e308])
def test_values_too_large_to_square_have_no_mean_and_an_infinite_spread(large: float) -> None:
    """They ended the scan with an OverflowError, or had the mean -infinity and no drift."""
    values = np.tile([large, -large, 1.0, -large], 600)
    reference = {"x": profile_column(np.arange(2400.0), (0.5,))}
    found = scan_frame(pd.DataFrame({"x": values}), [], reference)
    profile = found.numbers["x"].profile
    assert (profile.count, profile.minimum, profile.maximum, profile.histogram) == (2400, -large, large, (1200, 1200))
    assert profile.deviation == np.inf
    measures = found.describe(["x"]).loc["x"]
    assert measures[["mean", "std"]].isna().all()
    assert list(measures[["count", "min", "max"]]) == [2400, -large, large]
    drifts = compare_profiles(reference, found.select_profile(reference), 0.05)
    assert "spread" in {drift.test for drift in drifts if drift.drifted}


def test_an_index_that_pandas_wrote_is_not_data(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="patient"))
    frame.to_parquet(tmp_path / "data.parquet")
    assert scan_file(str(tmp_path / "data.parquet"), [Column("x", minimum=0, maximum=9)], {}).names == ("x",)


def test_the_head_of_a_folder_has_all_columns_and_is_from_the_first_file_with_rows(tmp_path: Path) -> None:
    folder = tmp_path / "data.parquet"
    folder.mkdir()
    pq.write_table(pa.table({"x": pa.array([], pa.float64())}), folder / "a.parquet")
    pq.write_table(pa.table({"x": [1.0, 2.0]}), folder / "b.parquet")
    pq.write_table(pa.table({"y": ["n/k"], "x": [3.0]}), folder / "c.parquet")
    head = scan_file(str(folder), [Column("x", minimum=0, maximum=9)], {}).head
    assert list(head.columns) == ["x", "y"]
    assert list(head["x"]) == [1.0, 2.0]
    assert head["y"].isna().all()


def test_the_head_of_files_without_rows_has_their_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([], pa.float64())}), tmp_path / "data.parquet")
    head = scan_file(str(tmp_path / "data.parquet"), [], {}).head
    assert (len(head), list(head.columns)) == (0, ["x"])


def test_the_head_of_a_file_whose_column_occurs_twice_is_what_the_file_has(tmp_path: Path) -> None:
    pq.write_table(pa.table([[1.0], [2.0]], names=["x", "x"]), tmp_path / "data.parquet")
    assert list(scan_file(str(tmp_path / "data.parquet"), [], {}).head.columns) == ["x", "x"]


def test_decimals_in_the_head_are_numbers(tmp_path: Path) -> None:
    """The table of the first rows in 01_test_data showed a dash for each of them."""
    pq.write_table(pa.table({"exact": [Decimal("0.5"), None]}), tmp_path / "data.parquet")
    head = scan_file(str(tmp_path / "data.parquet"), [], {}).head
    assert head["exact"].dtype == "float64"
    assert head["exact"][0] == 0.5


@pytest.mark.parametrize(
    "values", [np.array([1, 20, 20], "longdouble"), pd.arrays.SparseArray([1.0, 20.0, 20.0])], ids=["long", "sparse"]
)
def test_numbers_of_an_unusual_type_are_numbers(values: pd.api.extensions.ExtensionArray) -> None:
    found = scan_frame(pd.DataFrame({"x": values}), [Column("x", minimum=0, maximum=9)], {})
    assert (found.numbers["x"].outside, found.numbers["x"].highest, found.copies) == (2, 20.0, 1)


def test_complex_numbers_are_not_numbers() -> None:
    found = scan_frame(pd.DataFrame({"x": [1 + 2j, 3]}), [Column("x", minimum=0, maximum=9)], {})
    assert (found.others["x"].type, found.others["x"].example) == ("complex128", "(1+2j)")


def test_columns_of_two_levels_have_one_name() -> None:
    frame = pd.DataFrame({("a", "b"): [1.0, 20.0]})
    assert scan_frame(frame, [Column("('a', 'b')", minimum=0, maximum=9)], {}).numbers["('a', 'b')"].outside == 1


def test_missing_values_are_copies_of_each_other_and_zeros_have_no_sign() -> None:
    frame = pd.DataFrame({"plain": [np.nan, None, 0.0, -0.0, 1.0], "few": [1, 1, 2, 2, 3]})
    assert scan_frame(frame, RULES, {}).copies == frame.duplicated().sum() == 2


def test_the_measures_of_a_table_are_those_of_pandas() -> None:
    frame = make_table(400).to_pandas()[["plain", "gaps", "infinite", "large", "few", "empty"]]
    found = scan_frame(frame, [], {}).describe(list(frame.columns))
    expected = frame.astype("float64").agg(["count", "mean", "std", "min", "max"]).T
    expected.loc["infinite", ["mean", "std"]] = np.nan
    pd.testing.assert_frame_equal(found.astype("float64"), expected, rtol=1e-12)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("x\n1\n")
    with (
        pytest.raises(IntegrityError, match=r"data\.csv changed while it was read\. Test it again\."),
        open_content(str(path)),
    ):
        path.write_text("x\n2\n3\n")


@pytest.mark.parametrize("url", ["data.csv", "data.parquet"])
def test_a_file_that_changes_right_after_it_is_hashed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Without this check, the new rows would have the old hash."""
    part = tmp_path / url
    if url == "data.parquet":
        part.mkdir()
        part = part / "a.parquet"
    write = pd.DataFrame.to_csv if url == "data.csv" else pd.DataFrame.to_parquet
    write(pd.DataFrame({"x": [1]}), part)

    def hash_then_change(path: Path) -> str:
        found = hash_file(path)
        write(pd.DataFrame({"x": [2] * 9}), part)
        return found

    monkeypatch.setattr("mlops.data.content.hash_file", hash_then_change)
    with pytest.raises(IntegrityError, match=rf"{url} changed while it was read\. Test it again\."):
        read_table(str(tmp_path / url))


def test_a_file_that_grows_while_it_is_scanned_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(make_table(40), path)

    def scan_then_grow(*names: tuple[str, ...]) -> totals.Totals:
        pq.write_table(make_table(80), path)
        return totals.Totals(*names)

    monkeypatch.setattr("mlops.data.rows.Totals", scan_then_grow)
    with pytest.raises(IntegrityError, match=r"data\.parquet changed while it was read\. Test it again\.") as raised:
        scan_file(str(path), RULES, REFERENCE)
    assert isinstance(raised.value.__cause__, ValueError)


def test_an_error_in_a_file_that_did_not_change_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x\n1\n")
    with pytest.raises(ZeroDivisionError), open_content(str(tmp_path / "data.csv")):
        _ = 1 / 0


def list_open(folder: Path) -> list[str]:
    """Return the files in a folder that this process has open."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the descriptor of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [path for path in found if path.startswith(str(folder))]


@pytest.mark.skipif(sys.platform != "linux", reason="counts the files in /proc")
def test_a_folder_has_at_most_one_file_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of 1,100 files failed with "Too many open files", because a process may usually open 1,024."""
    folder, counts = tmp_path / "data.parquet", []
    folder.mkdir()
    for number in range(5):
        pq.write_table(make_table(40, seed=number), folder / f"{number}.parquet")

    class Counted(pq.ParquetFile):  # type: ignore[misc]
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            counts.append(len(list_open(folder)))

    monkeypatch.setattr(pq, "ParquetFile", Counted)
    assert scan_file(str(folder), RULES, REFERENCE).rows == 200
    assert set(counts) == {1}
    assert list_open(folder) == []


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(make_table(4000), path)
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"data\.parquet is not a complete Parquet file: "):
        scan_file(str(path), RULES, REFERENCE)


@pytest.mark.parametrize("damaged", [slice(0), slice(100), slice(-40, None)], ids=["empty", "begin", "end"])
def test_a_damaged_file_of_a_folder_is_named(tmp_path: Path, damaged: slice) -> None:
    for name in ("a", "b", "c"):
        pq.write_table(make_table(40), tmp_path / f"{name}.parquet")
    path = tmp_path / "b.parquet"
    path.write_bytes(path.read_bytes()[damaged])
    said = rf"^The data file {path} is not a complete Parquet file: .*\. Write it again\.$"
    with pytest.raises(UsageError, match=said):
        scan_file(str(tmp_path), RULES, REFERENCE)
    with pytest.raises(UsageError, match=said):
        read_table(str(tmp_path))


def test_a_remote_file_is_copied_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with fsspec.open("memory://scan/data.csv", "wb") as target:
        target.write(b"x\n1\n2\n")
    assert scan_file("memory://scan/data.csv", [Column("x", minimum=0, maximum=9)], {}).rows == 2
    assert list(scratch.iterdir()) == []


def test_a_wide_table_is_scanned_in_a_time_that_grows_with_its_columns() -> None:
    """5,000 columns took more than a minute when a set was built for each of them."""
    frame = pd.DataFrame(np.zeros((3, 5000)), columns=[f"c{number}" for number in range(5000)])
    assert len(scan_frame(frame, [Column("c0", minimum=0, maximum=9)], {}).numbers) == 5000


def test_polars_is_the_version_whose_import_starts_no_thread() -> None:
    assert pl.__version__.startswith("1.41.")


def test_of_many_columns_those_that_differ_most_are_shown() -> None:
    from mlops.data.drift import Drift

    names = [f"c{number}" for number in range(10_000)]
    drifts = [Drift(name, "shape", number / 1e4, 0.1) for number, name in enumerate(names)]
    shown = choose_columns(names, drifts)
    assert (shown[0], shown[-1], len(shown)) == ("c9999", "c9980", 20)
    assert describe_choice(shown, names) == "The 20 of 10,000 columns that differ most from the reference"
    assert choose_columns(names[:20], drifts) == names[:20]
    assert describe_choice(names[:20], names[:20]) == ""
