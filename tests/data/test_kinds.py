"""The kinds of columns: the same values give the same table, whatever the format and the types of the file."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.data.kinds.conversion import convert_kinds
from mlops.data.kinds.reference import make_reference
from mlops.data.scan import scan_file
from mlops.data.tables import read_table
from mlops.data.validation import find_violations
from mlops.errors import UsageError
from mlops.problem import Column
from mlops.problem.values import set_types

COLUMNS = (
    Column("customer", kind="id"),
    Column("plan", kind="category"),
    Column("self", kind="category"),
    Column("paid", kind="boolean", max_missing=0.5),
    Column("left", kind="boolean", role="target"),
    Column("begin", kind="date"),
    Column("months"),
    Column("note", kind="category", role="ignored"),
)
TEXTS = {
    "customer": ["007", "9007199254740993", "12"],
    "plan": ["01", "plus", ""],
    "self": ["1,5", "", "2,5"],
    "paid": ["true", "", "False"],
    "left": ["0", "1", "1"],
    "begin": ["2024-01-31", "", "2024-02-29T00:00:00+01:00"],
    "months": ["1", "", "3"],
    "note": ["7", "8", "9"],
}
EAST, WEST = timezone(timedelta(hours=2)), timezone(timedelta(hours=-8))
DAYS = [datetime(2024, 1, 30, 23, tzinfo=UTC), None, datetime(2024, 2, 28, 23, tzinfo=UTC)]  # midnight in Berlin


def write_csv(path: Path, **changes: list[str]) -> str:
    """Write the table of `TEXTS`, with some columns changed, as a CSV file, and return its path."""
    pd.DataFrame(TEXTS | changes).to_csv(path, index=False)
    return str(path)


def write_parquet(path: Path, **columns: Any) -> str:
    """Write a Parquet file with these columns, and return its path."""
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_a_csv_and_a_parquet_file_give_the_same_table(tmp_path: Path) -> None:
    csv = read_table(write_csv(tmp_path / "data.csv"), "", COLUMNS).frame
    parquet = write_parquet(
        tmp_path / "data.parquet",
        customer=TEXTS["customer"],
        plan=pa.array(["01", "plus", None]).dictionary_encode(),
        self=["1,5", "", "2,5"],
        paid=[True, None, False],
        left=[False, True, True],
        begin=pa.array(DAYS, pa.timestamp("ns", "Europe/Berlin")),
        months=pa.array([1, None, 3], pa.int8()),
        note=[7, 8, 9],
    )
    pd.testing.assert_frame_equal(csv, read_table(parquet, "", COLUMNS).frame)
    kinds = ["str", "str", "str", "object", "bool", "datetime64[us]", "float64", "int64"]
    assert list(csv.dtypes.astype(str)) == kinds
    assert csv["customer"].tolist() == TEXTS["customer"]
    assert csv["paid"].tolist() == [True, None, False]
    assert csv["begin"].tolist() == [pd.Timestamp("2024-01-31"), pd.NaT, pd.Timestamp("2024-02-29")]
    assert csv["plan"].isna().tolist() == [False, False, True]


LOCAL = {  # two days at midnight, in different time zones
    "text": ["2024-01-31T00:00:00+02:00", "2024-02-01 00:00-0800"],
    "text in UTC": ["2024-01-31T00:00:00.000Z", "2024-02-01 00:00:00+00"],
    "objects": [datetime(2024, 1, 31, tzinfo=EAST), datetime(2024, 2, 1, tzinfo=WEST)],
    "days and times": [date(2024, 1, 31), datetime(2024, 2, 1, tzinfo=EAST)],
    "times and days": [datetime(2024, 1, 31, tzinfo=EAST), date(2024, 2, 1)],
    "a column with a zone": pd.DatetimeIndex(["2024-01-31", "2024-02-01"], tz="Asia/Tokyo"),
    "a column with an offset": pd.DatetimeIndex(["2024-01-31", "2024-02-01"], tz=EAST),
    "categories": pd.DatetimeIndex(["2024-01-31", "2024-02-01"], tz=WEST).astype("category"),
}


@pytest.mark.parametrize("values", LOCAL.values(), ids=LOCAL)
def test_the_local_day_of_a_date_counts(tmp_path: Path, values: Any) -> None:
    """In UTC, midnight in Berlin is on the day before."""
    columns = [Column("begin", kind="date"), Column("months")]
    table = pd.DataFrame({"begin": values, "months": [1.0, 2.0]})
    days = [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-01")]
    table.to_csv(tmp_path / "data.csv", index=False)
    assert read_table(str(tmp_path / "data.csv"), "", columns).frame["begin"].tolist() == days
    assert convert_kinds(table, columns, "x")["begin"].tolist() == days
    assert set_types(table, columns)["begin"].tolist() == days
    edges = make_reference(pd.DataFrame({"begin": days, "months": [1.0, 2.0]}), columns)
    assert make_reference(table, columns) == edges
    url = str(tmp_path / "data.parquet")
    if isinstance(values, pd.DatetimeIndex):
        table.to_parquet(url)
        assert read_table(url, "", columns).frame["begin"].tolist() == days
        found = scan_file(url, columns, {}).others["begin"].days
        assert found is not None
        assert (found.lowest, found.highest) == (19753, 19754)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "+02:00"])
def test_a_time_of_day_is_refused(tmp_path: Path, zone: str | None) -> None:
    """Otherwise, the model would be trained on times that the service cannot send."""
    columns = [Column("begin", kind="date")]
    times = pd.Series(pd.DatetimeIndex(["2024-01-31 00:00", "2024-02-01 07:30"], tz=zone))
    advice = "dates such as 2024-01-31 (drop the time of day, or compute a number, such as hours)"
    for url in (tmp_path / "data.csv", tmp_path / "data.parquet"):
        frame = pd.DataFrame({"begin": times})
        frame.to_csv(url, index=False) if url.suffix == ".csv" else frame.to_parquet(url)
        with pytest.raises(UsageError, match=r"has '2024-02-01 07:30:00.*' in the column begin, row 2 ") as caught:
            read_table(str(url), "", columns)
        assert str(caught.value).endswith(f"but the problem declares {advice}.")
        (found,) = find_violations(scan_file(str(url), columns, {}), columns, {}, min_rows=1)
        assert str(found).startswith("begin: type: 1 value of another kind, the first '2024-02-01 07:30:00")
        assert str(found).endswith(f"; allowed: {advice}")


def test_other_types_of_a_parquet_file_are_read_as_the_declared_kind(tmp_path: Path) -> None:
    url = write_parquet(
        tmp_path / "data.parquet",
        customer=pa.array([9007199254740993, None, 12]),
        plan=[1.0, None, 2.5],
        paid=[1, 0, None],
        left=["true", "FALSE", None],
        begin=[date(2024, 1, 31), None, date(2024, 2, 29)],
        months=pa.nulls(3),
    )
    frame = read_table(url, "", COLUMNS).frame
    assert frame["customer"].fillna("").tolist() == ["9007199254740993", "", "12"]
    assert frame["plan"].fillna("").tolist() == ["1", "", "2.5"]
    assert frame["paid"].tolist() == [True, False, None]
    assert frame["left"].tolist() == [True, False, None]
    assert frame["begin"].tolist() == [pd.Timestamp("2024-01-31"), pd.NaT, pd.Timestamp("2024-02-29")]
    assert frame["months"].dtype == np.float64
    assert frame["months"].isna().all()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_types_of_a_table_do_not_depend_on_its_gaps(tmp_path: Path, ending: str) -> None:
    """Otherwise, a pipeline that trains on this month's file could fail on next month's."""
    columns = (Column("plan", kind="category", max_missing=1), Column("paid", kind="boolean", max_missing=1))
    values: dict[str, list[list[Any]]] = {"plan": [["a", "b"], ["a", None], [None, None]]}
    values["paid"] = [[True, False], [True, None], [None, None]]
    found = set()
    for place in range(3):
        table = pd.DataFrame({name: several[place] for name, several in values.items()})
        url = str(tmp_path / f"{place}.{ending}")
        table.to_csv(url, index=False) if ending == "csv" else table.to_parquet(url)
        frame = read_table(url, "", columns).frame
        found.add(tuple(map(str, frame.dtypes)))
        assert [*map(repr, frame["plan"])] == [
            "nan" if value is None else repr(value) for value in values["plan"][place]
        ]
        assert frame["paid"].tolist() == values["paid"][place]
    assert found == {("str", "object")}


@pytest.mark.parametrize(("kind", "value"), [("number", 1), ("number", True), ("category", "a"), ("boolean", True)])
def test_a_wide_table_is_converted_at_once(monkeypatch: pytest.MonkeyPatch, kind: Any, value: object) -> None:
    """Assigning 10,000 columns one by one takes seconds."""
    table = pd.DataFrame({f"c{place}": pd.Series([value, value], dtype=object) for place in range(200)})
    table = table.convert_dtypes() if kind == "number" else table
    monkeypatch.setattr(pd.DataFrame, "__setitem__", lambda *args: pytest.fail("A column was assigned."))
    columns = [Column(name, kind=kind) for name in table if name != "c7"]
    if value is True and kind == "number":
        with pytest.raises(UsageError, match="declares numbers"):
            convert_kinds(table, columns, "x")
        return
    found = convert_kinds(table, columns, "x")
    assert [*found] == [*table]
    assert found.drop(columns="c7").dtypes.astype(str).unique().tolist() == [
        {"number": "float64", "category": "str", "boolean": "bool"}[kind]
    ]


@pytest.mark.parametrize(
    ("column", "value", "declared"),
    [
        ("begin", "soon", "dates such as 2024-01-31"),
        ("begin", "2024-1-5", "dates such as 2024-01-31"),
        ("begin", "2024-02-30", "dates such as 2024-01-31"),
        ("begin", "20240105", "dates such as 2024-01-31"),
        ("paid", "yes", "true and false, or 1 and 0"),
        ("paid", "2", "true and false, or 1 and 0"),
        ("months", "ten", "numbers"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_row(tmp_path: Path, column: str, value: str, declared: str) -> None:
    url = write_csv(tmp_path / "data.csv", **{column: [*TEXTS[column][:2], value]})
    with pytest.raises(UsageError) as caught:
        read_table(url, "", COLUMNS)
    assert str(caught.value) == (
        f"The data file {url} has {value!r} in the column {column}, row 3 (counted from 1), "
        f"but the problem declares {declared}."
    )


def test_numbers_are_no_dates(tmp_path: Path) -> None:
    url = write_parquet(tmp_path / "data.parquet", begin=[20240105])
    with pytest.raises(UsageError, match="has '20240105' in the column begin, row 1 "):
        read_table(url, "", COLUMNS)


def test_a_table_without_a_declaration_stays_as_it_is(tmp_path: Path) -> None:
    assert read_table(write_csv(tmp_path / "data.csv")).frame["months"].tolist()[0] == 1


def test_an_allowed_value_is_no_gap_even_if_pandas_reads_it_as_one(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("contract,x,other\nNone,1,None\n,NA,b\nmonthly,3,c\n")
    columns = (
        Column("contract", kind="category", allowed=("None", "monthly")),
        Column("x"),
        Column("other", kind="id"),
    )
    frame = read_table(str(path), "", columns).frame
    assert frame["contract"].fillna("gap").tolist() == ["None", "gap", "monthly"]
    assert frame["x"].fillna(-1).tolist() == [1.0, -1.0, 3.0]
    assert frame["other"].fillna("gap").tolist() == ["gap", "b", "c"]
