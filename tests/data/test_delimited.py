"""Text files of other countries and programs are read, or refused with the true reason."""

import io

import pandas as pd
import pytest

from mlops.data.delimited import read_delimited
from mlops.errors import UsageError

TABLE = pd.DataFrame({"AGE": [0.03, -0.001], "BMI": [1.5, -2.25], "Y": [151, 75]})
POINTS = b"AGE,BMI,Y\n0.03,1.5,151\n-0.001,-2.25,75\n"
COMMAS = b"AGE;BMI;Y\n0,03;1,5;151\n-0,001;-2,25;75\n"


@pytest.mark.parametrize(
    "content",
    [
        POINTS,
        POINTS.replace(b"\n", b"\r\n"),
        b"\n" + POINTS,
        POINTS.replace(b",", b";"),
        POINTS.replace(b",", b"\t"),
        POINTS.replace(b",", b"|"),
        COMMAS,
        COMMAS.replace(b";", b"\t"),
        b'AGE,BMI,Y\n"0,03","1,5",151\n"-0,001","-2,25",75\n',
        POINTS.replace(b"\n", b",\n"),
        b"AGE,BMI,Y\n" + POINTS.split(b"\n", 1)[1].replace(b"\n", b",\n"),
        b"AGE,BMI,Y\n" + POINTS.split(b"\n", 1)[1].replace(b"\n", b",,\n"),
        b"AGE,BMI,Y,\n" + POINTS.split(b"\n", 1)[1],
        b"AGE,BMI,Y\n0.03,1.5,151,\n-0.001,-2.25,75\n",
        b"\xef\xbb\xbf" + POINTS,
        POINTS.decode().encode("utf-16"),
        POINTS.decode().encode("utf-16-le"),
        POINTS.decode().encode("utf-16-be"),
        COMMAS.decode().encode("utf-16"),
    ],
    ids=[
        *("plain", "Windows", "blank line first", "semicolons", "tabs", "bars"),
        *("decimal commas", "decimal commas and tabs", "decimal commas in quotes"),
        *("separators at all ends", "separators at the ends of rows", "two of them", "one at the end of the header"),
        *("one at the end of a row", "byte order mark", "UTF-16", "UTF-16-LE", "UTF-16-BE", "UTF-16, decimal commas"),
    ],
)
def test_the_same_table_in_another_form(content: bytes) -> None:
    pd.testing.assert_frame_equal(read_delimited(content, "x.csv"), TABLE, check_exact=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"A,B\n1,2\n3,4,5\n",
            "cannot be read with the separator ','. Line 3 has 3 fields, but 2 are expected.",
        ),
        (
            b"A;B\n1;2;\n3;4;5\n",
            "has a different number of fields on some lines. Line 3 has 3 fields, but the first line names 2 columns. "
            "Correct it.",
        ),
        (
            b"A,B\nx,1,2\ny,3,4\n",
            "has a different number of fields on some lines. Line 2 has 3 fields, but the first line names 2 columns. "
            "Correct it.",
        ),
        (
            b"A,B\nM\xfcller,1\n",
            "is not UTF-8 text: line 2 has the byte 0xfc, at position 5 of the file. Save it as UTF-8.",
        ),
        (
            b'A,B\n"1,234",1\n"5,678",2\n',
            "has 1,234 in the column A, which could mean 1.234 or 1234. Write numbers with a decimal point, and do not "
            "separate thousands.",
        ),
        (
            b"A;B\n1,234;2\n",
            "has 1,234 in the column A, which could mean 1.234 or 1234. Write numbers with a decimal point, and do not "
            "separate thousands.",
        ),
    ],
    ids=["a field too many", "not empty at the end", "names of rows", "Latin-1", "thousands or not", "semicolons"],
)
def test_what_cannot_be_read_is_refused_for_its_reason(content: bytes, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_delimited(content, "x.csv")
    assert str(raised.value) == f"The data file x.csv {said}"


def test_text_stays_text() -> None:
    content = b'name,place,day,size,mix\n"a,b",Ulm,2026-01-01,"1,234,567","0,5"\n-,"2,",2026-01-02,"1,5",1.5\n'
    frame = read_delimited(content, "x.csv")
    assert frame.astype(str).to_numpy().tolist() == [
        ["a,b", "Ulm", "2026-01-01", "1,234,567", "0,5"],
        ["-", "2,", "2026-01-02", "1,5", "1.5"],
    ]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_a_byte_that_is_not_utf_8_is_named_with_its_place_in_the_file(mark: bytes) -> None:
    """The wrong byte is after the first 256 KiB, because pandas decodes that much at a time."""
    before = mark + b"A,B\n" + b"1,M\xc3\xbcnchen\n" * 50_000
    with pytest.raises(UsageError) as raised:
        read_delimited(before + b"2,M\xfcnchen\n", "x.csv")
    assert str(raised.value) == (
        "The data file x.csv is not UTF-8 text: "
        f"line 50002 has the byte 0xfc, at position {len(before) + 3} of the file. Save it as UTF-8."
    )


def test_gaps_between_decimal_commas_stay_gaps() -> None:
    frame = read_delimited(b"A;B\n0,5;1\n;2\n7;3\n", "x.csv")
    assert frame["A"].tolist()[::2] == [0.5, 7.0]
    assert frame["A"].isna().tolist() == [False, True, False]


def test_numbers_with_points_are_the_very_numbers(good: pd.DataFrame) -> None:
    with_commas = io.StringIO()
    good.to_csv(with_commas, index=False, sep=";", decimal=",")
    pd.testing.assert_frame_equal(read_delimited(with_commas.getvalue().encode(), "x"), good, check_exact=True)


def test_a_nul_byte_is_named_with_its_line() -> None:
    with pytest.raises(UsageError) as raised:
        read_delimited(b"fee,plan\n1.5,basic\n2.5,pl\0us\n", "churn.csv")
    assert str(raised.value) == "The data file churn.csv has a NUL byte in line 3. Remove it."


@pytest.mark.parametrize("content", [b"fee,plan,fee\n1,basic,2\n", b'\n"fee";"a\nb";"fee"\n1;2;3\n'])
def test_columns_with_the_same_name_are_refused(content: bytes) -> None:
    with pytest.raises(UsageError) as raised:
        read_delimited(content, "churn.csv")
    assert str(raised.value) == (
        "The data file churn.csv has more than one column with the name fee. Rename or remove the duplicates."
    )
