"""The header of a data file, read without the rest of the file."""

import codecs
import gzip
from pathlib import Path

import pandas as pd
import pytest

from mlops.data.content import read_header


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A,Y\n1,2\n", ("A", "Y")),
        ("\ufeffA;Y\r\n1;2\r\n", ("A", "Y")),
        ('"age, in years"\tY\n', ("age, in years", "Y")),
        ("A\n", ("A",)),
        ("", ()),
        ("\nA,Y\n", ()),
        ('"A\nB",Y\n', ()),
    ],
)
def test_the_names_of_a_csv_file_are_read_from_its_first_line(
    tmp_path: Path, text: str, names: tuple[str, ...]
) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert read_header(tmp_path / "a.csv") == read_header(tmp_path / "a.csv.gz") == names


def test_the_names_of_a_parquet_file_are_read_from_its_schema(tmp_path: Path) -> None:
    pd.DataFrame({"A": [1], "Y": [2]}).to_parquet(tmp_path / "a.parquet")
    assert read_header(tmp_path / "a.parquet") == ("A", "Y")


def test_a_header_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    for name, content in {
        "a.parquet": b"no",
        "a.csv.gz": b"no",
        "a.csv": codecs.BOM_UTF16_LE + "A,Y\n".encode("utf-16-le"),
        "b.csv": b"\xff\xfe",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert read_header(tmp_path / name) == ()
    assert read_header(tmp_path / "missing.csv") == ()
