"""Data files are read in the form in which they were written, or refused with the true reason."""

import gzip
import os
import socket
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from progression import problem

from mlops.data.scan import scan_file
from mlops.data.tables import read_table
from mlops.errors import IntegrityError, UsageError
from mlops.files.hashes import hash_path
from mlops.problem import Column


@pytest.fixture
def parts(good: pd.DataFrame, tmp_path: Path) -> Path:
    """A folder of Parquet files, as Spark writes it."""
    folder = tmp_path / "sales.parquet"
    folder.mkdir()
    for number, rows in enumerate((good[:200], good[200:])):
        rows.to_parquet(folder / f"part-0000{number}.snappy.parquet", index=False)
    (folder / "_SUCCESS").write_text("")
    (folder / ".part-00000.snappy.parquet.crc").write_bytes(b"crc")
    return folder


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^There is no data file .*/none\.csv\. Check the path\.$"):
        read_table(str(tmp_path / "none.csv"))


def test_a_missing_relative_path_is_named_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as raised:
        read_table("none.csv")
    assert str(raised.value) == f"There is no data file none.csv in {tmp_path}. Check the path."


@pytest.mark.parametrize("url", ["data.txt", "data", "gopher.csv/", "data.xls"])
def test_another_ending_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=rf"^The data file {url} must have a name that ends in \.csv, \.csv\.gz, \.pa"):
        read_table(url)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UsageError, match=r"The data file gopher://host/data.csv cannot be read .*gopher"):
        read_table("gopher://host/data.csv")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.parquet", b"AGE,SEX\n1,2\n", "is not a complete Parquet file: "),
        ("data.csv.gz", b"AGE,SEX\n1,2\n", "is not a complete gzip file: "),
        ("data.csv.gz", gzip.compress(b"AGE,SEX\n1,2\n" * 100)[:-9], "is not a complete gzip file: "),
        ("data.csv", gzip.compress(b"AGE,SEX\n1,2\n"), "is a gzip file, not CSV. "),
        ("data.csv", b"PK\x03\x04rest", "is an Excel workbook or a zip archive, not CSV. "),
    ],
    ids=["CSV as Parquet", "CSV as gzip", "gzip that was cut off", "gzip as CSV", "Excel as CSV"],
)
def test_a_file_of_another_format_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=rf"^The data file {tmp_path / name} {said}."):
        read_table(str(tmp_path / name))


@pytest.mark.parametrize("start", [4, 18_000, 20_000])
def test_a_damaged_parquet_file_is_refused(good: pd.DataFrame, tmp_path: Path, start: int) -> None:
    path = tmp_path / "data.parquet"
    good.to_parquet(path)
    content = bytearray(path.read_bytes())
    content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"data.parquet is not a complete Parquet file: .*[^.]\.$"):
        read_table(str(path))


def test_a_file_that_changed_since_its_hash_was_taken_is_refused(good: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    good.to_csv(path, index=False)
    recorded = read_table(str(path)).sha256
    assert read_table(str(path), recorded).frame.shape == (442, 11)
    good.head(441).to_csv(path, index=False)
    with pytest.raises(IntegrityError, match=r"data.csv has changed since it was tested .*\. Test it again\."):
        read_table(str(path), recorded)


def test_zipped_csv_is_read(good: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    good.to_csv(path, index=False)
    table = read_table(str(path))
    pd.testing.assert_frame_equal(table.frame, good, check_exact=True)
    assert table.sha256 == hash_path(path)


def test_decimals_are_numbers(good: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    exact = good.head(20).map(lambda value: Decimal(f"{value:.9f}"))
    exact.loc[3, "BMI"] = None
    exact.to_parquet(path)
    frame = read_table(str(path)).frame
    assert set(frame.dtypes.astype(str)) == {"float64"}
    assert frame["BMI"].isna().sum() == 1
    assert frame.loc[0, "BMI"] == pytest.approx(good.loc[0, "BMI"], abs=1e-9)


def test_a_folder_of_parquet_files_is_a_table(good: pd.DataFrame, parts: Path) -> None:
    for url in (str(parts), f"{parts}/", parts.as_uri()):
        table = read_table(url)
        pd.testing.assert_frame_equal(table.frame, good, check_exact=True)
        assert table.sha256 == hash_path(parts)
    good.head(1).to_parquet(parts / "part-00002.parquet", index=False)
    assert len(read_table(str(parts)).frame) == 443
    with pytest.raises(IntegrityError, match=r"sales.parquet has changed since it was tested"):
        read_table(str(parts), table.sha256)


def test_a_folder_that_holds_something_else_is_refused(good: pd.DataFrame, parts: Path, tmp_path: Path) -> None:
    good.to_csv(parts / "more.csv", index=False)
    with pytest.raises(UsageError, match=r"contains more\.csv\. It must contain only Parquet files\."):
        read_table(str(parts))
    (parts / "more.csv").unlink()
    (parts / "year=2025").mkdir()
    good.to_parquet(parts / "year=2025" / "part-0.parquet")
    with pytest.raises(UsageError, match=r"contains the folder year=2025\. Put all Parquet files directly in"):
        read_table(str(parts))
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match=r"is a folder that contains (pipe\.csv|the folder)"):
        read_table(str(tmp_path))
    with pytest.raises(UsageError, match=r"empty is a folder without Parquet files\. Name a file"):
        read_table(str(tmp_path / "empty"))


def test_what_is_no_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    pipe, place = tmp_path / "pipe.csv", tmp_path / "socket.csv"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        for path, kind in ((pipe, "a pipe"), (place, "a socket"), (Path("/dev/zero"), "a device")):
            with pytest.raises(UsageError, match=rf"^The data file {path} is {kind}\. Write the data to a file\.$"):
                read_table(str(path))


def write_bad_text(path: Path, kind: str = "plain") -> None:
    """Write a Parquet file whose column city has a text in Latin-1, and whose column x has numbers."""
    texts = pa.array([b"Bern", b"Z\xfcrich", None]).view(pa.string())
    if kind == "dictionary":
        texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), texts[:2])
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0], "city": texts}), path)


@pytest.mark.parametrize("kind", ["plain", "dictionary"])
@pytest.mark.parametrize("rule", ["", "city", "x"])
def test_text_in_parquet_that_is_not_utf_8_is_refused_with_its_column(tmp_path: Path, kind: str, rule: str) -> None:
    """It was "not a whole Parquet file", or an error of Arrow as soon as a notebook showed it."""
    path = tmp_path / "data.parquet"
    write_bad_text(path, kind)
    columns = [Column(rule, minimum=0, maximum=9)] if rule else []
    with pytest.raises(UsageError) as raised:
        _ = scan_file(str(path), columns, {}).head.to_string() if rule else read_table(str(path))
    assert str(raised.value) == f"The column city of the data file {path} has text that is not UTF-8. Save it as UTF-8."


def test_text_in_a_folder_that_is_not_utf_8_is_refused_with_its_column(tmp_path: Path) -> None:
    folder = tmp_path / "data.parquet"
    folder.mkdir()
    pd.DataFrame({"x": [1.0], "city": ["Bern"]}).to_parquet(folder / "a.parquet")
    write_bad_text(folder / "b.parquet")
    said = rf"^The column city of the data file {folder}/b\.parquet has text that is not UTF-8\. Save it as UTF-8\.$"
    with pytest.raises(UsageError, match=said):
        read_table(str(folder))
    with pytest.raises(UsageError, match=said):
        scan_file(str(folder), [Column("city", minimum=0, maximum=9)], {})


def test_empty_files_are_tables_without_rows(tmp_path: Path) -> None:
    for name, content in (("empty.csv", ""), ("header.csv", ",".join(column.name for column in problem.columns))):
        (tmp_path / name).write_text(content)
        assert len(read_table(str(tmp_path / name)).frame) == 0
