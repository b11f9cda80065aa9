"""Tables in text files, with fields separated by commas, semicolons, tabs or vertical bars."""

import codecs
import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Collection, Mapping

import pandas as pd

from mlops.data.listing import SEPARATORS
from mlops.errors import UsageError, quote_cause

ENCODINGS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
OTHERS = {b"PK\x03\x04": "an Excel workbook or a zip archive", b"PAR1": "a Parquet file", b"\x1f\x8b": "a gzip file"}
NUMBER = r"[+-]?(\d+(,\d+)?|,\d+)([eE][+-]?\d+)?"  # a number with a decimal comma, or an integer
THOUSANDS = r"[+-]?([1-9]\d{0,2}(,\d{3})+|\d+)"  # an integer, perhaps with commas between thousands
GAPS = {  # the strings that pandas reads as missing values
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
}
RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")

NO_TEXTS: Mapping[str, Collection[str]] = {}


def read_delimited(content: bytes, url: str, texts: Mapping[str, Collection[str]] = NO_TEXTS) -> pd.DataFrame:
    """Return the table in a text file. The first line of the file must contain the names of the columns.

    Parameters
    ----------
    content : bytes
        The text in UTF-8 or UTF-16, with fields separated by commas, semicolons, tabs or vertical bars.
    url : str
        The location of the file, for error messages.
    texts : mapping of str to collection of str, optional
        The columns to read as text, each with its allowed values. An allowed value such as "None" is kept, although
        pandas would read it as missing. The table can lack some of these columns.

    Raises
    ------
    UsageError
        If the content cannot be read as a table.
    """
    text = _recode_to_utf8(content, url)
    separator = _find_separator(text)
    try:
        _require_different_names(text, separator, url)
        frame = _read_lines(text, separator, url, texts)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except pd.errors.ParserError as error:
        found = RAGGED.search(str(error))
        reason = f"Line {found[2]} has {found[3]} fields, but {found[1]} are expected" if found else quote_cause(error)
        raise UsageError(f"The data file {url} cannot be read with the separator {separator!r}. {reason}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The data file {url} is not UTF-8 text: {_describe_bad_byte(content)}. Save it as UTF-8."
        ) from error
    return _convert_decimal_commas(frame, url, texts)


def _describe_bad_byte(content: bytes) -> str:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} has the byte {content[error.start]:#x}, at position {error.start} of the file"
    return "pandas could not decode it"


def _recode_to_utf8(content: bytes, url: str) -> bytes:
    other = next((name for start, name in OTHERS.items() if content.startswith(start)), "")
    if other:
        raise UsageError(f"The data file {url} is {other}, not CSV. Rename it, or save it as CSV.")
    if content.startswith(codecs.BOM_UTF8):
        return content.removeprefix(codecs.BOM_UTF8)
    encoding = next((name for mark, name in ENCODINGS if content.startswith(mark)), "")
    begin = content[:1000]
    if not encoding and b"\0" in begin:
        if 20 * begin.count(b"\0") < len(begin):  # in UTF-16, each digit, separator and Latin letter has a NUL byte
            line = begin.count(b"\n", 0, begin.index(b"\0")) + 1
            raise UsageError(f"The data file {url} has a NUL byte in line {line}. Remove it.")
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    try:
        return content.decode(encoding).encode() if encoding else content
    except UnicodeError as error:
        raise UsageError(f"The data file {url} is not text ({quote_cause(error)}). Save it as CSV in UTF-8.") from error


def _find_separator(text: bytes) -> str:
    header = re.sub(rb'"[^"]*"', b"", text.lstrip().split(b"\n", 1)[0])
    return max(SEPARATORS, key=lambda separator: header.count(separator.encode()))


def _require_different_names(text: bytes, separator: str, url: str) -> None:
    # pandas would read the second column "fee" as "fee.1", a name that the file does not have.
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline=""), delimiter=separator)
    names = Counter(next((fields for fields in lines if fields), []))
    repeated = [name for name, count in names.items() if name and count > 1]
    if repeated:
        raise UsageError(
            f"The data file {url} has more than one column with the name {repeated[0]}. Rename or remove the "
            "duplicates."
        )


def _read_lines(text: bytes, separator: str, url: str, texts: Mapping[str, Collection[str]]) -> pd.DataFrame:
    kinds, gaps = dict.fromkeys(texts, "str"), _list_gaps(text, separator, texts)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", pd.errors.ParserWarning)
        frame = pd.read_csv(
            io.BytesIO(text), sep=separator, index_col=False, dtype=kinds, na_values=gaps, keep_default_na=not gaps
        )
    if any(issubclass(warning.category, pd.errors.ParserWarning) for warning in warned):  # more fields than columns
        _require_empty_extra_fields(pd.read_csv(io.BytesIO(text), sep=separator), url)
    unnamed = f"Unnamed: {len(frame.columns) - 1}"
    if len(frame.columns) > 1 and frame.columns[-1] == unnamed and frame[unnamed].isna().all():
        frame = frame.drop(columns=unnamed)
    return frame


def _list_gaps(text: bytes, separator: str, texts: Mapping[str, Collection[str]]) -> dict[str, Collection[str]] | None:
    """Return, for each column, the strings that mean a missing value. Return None if pandas' defaults apply."""
    if not any(GAPS.intersection(values) for values in texts.values()):
        return None
    names = pd.read_csv(io.BytesIO(text), sep=separator, index_col=False, nrows=0).columns
    return {name: GAPS.difference(texts.get(name, ())) for name in names}


def _require_empty_extra_fields(frame: pd.DataFrame, url: str) -> None:
    # Without `index_col`, pandas reads the first fields of each line as the index and shifts the others to the left.
    extra = frame.index.nlevels
    filled = frame.iloc[:, -extra:].notna().any(axis="columns").to_numpy()
    if filled.any():
        columns = len(frame.columns)
        raise UsageError(
            f"The data file {url} has a different number of fields on some lines. Line {int(filled.argmax()) + 2} has "
            f"{columns + extra} fields, but the first line names {columns} columns. Correct it."
        )


def _convert_decimal_commas(frame: pd.DataFrame, url: str, texts: Mapping[str, object]) -> pd.DataFrame:
    read = [name for name in frame.columns if name not in texts]
    columns = {name: text for name in read if (text := _find_commas(frame[name])) is not None}
    if not columns:
        return frame
    if all(text.str.fullmatch(THOUSANDS).all() for text in columns.values()):
        name, text = next(iter(columns.items()))
        example = text[text.str.contains(",")].iloc[0]
        raise UsageError(
            f"The data file {url} has {example} in the column {name}, which could mean {example.replace(',', '.')} or "
            f"{example.replace(',', '')}. Write numbers with a decimal point, and do not separate thousands."
        )
    for name, text in columns.items():  # `assign` refuses a column with the name "self"
        frame[name] = text.str.replace(",", ".").astype("float64").reindex(frame.index)
    return frame


def _find_commas(values: pd.Series) -> pd.Series | None:
    """Return the non-missing values as text if all of them are numbers and some have a comma; otherwise return None."""
    if pd.api.types.is_numeric_dtype(values):
        return None
    text = values.dropna().astype("str").str.strip()
    usable = text.str.fullmatch(NUMBER).all() and text.str.contains(",").any() and (text != "").all()
    return text if usable else None
