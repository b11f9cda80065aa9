"""Data files as tables, read from any URL that fsspec knows, with the hash of their content."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pandas as pd
from pandas.api.types import infer_dtype
from pyarrow import ArrowException

from mlops.data.content import PARQUET, ZIPPED_CSV, Content, open_content
from mlops.data.delimited import read_delimited
from mlops.errors import UsageError, quote_cause
from mlops.files.contents import store_by_content


@dataclass(frozen=True)
class Table:
    """The content of a data file.

    Parameters
    ----------
    url : str
        Its location.
    sha256 : str
        The hash of its bytes or, for a folder, of its files with their names.
    frame : DataFrame
        Its rows.
    """

    url: str
    sha256: str
    frame: pd.DataFrame


def write_sample(folder: Path, name: str, make: Callable[[], pd.DataFrame]) -> str:
    """Write a problem's sample data as CSV and return its path as text.

    The file is in a folder named after its content, below `folder` (``MLOPS_HOME/datasets``). It stays there.
    """
    return str(store_by_content(folder, name, make().to_csv(index=False).encode()))


def read_table(url: str, sha256: str = "") -> Table:
    """Read a CSV or Parquet file, or a folder of Parquet files.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec knows. The ending of a file determines its format: ``.csv``,
        ``.csv.gz`` or ``.parquet``.
    sha256 : str
        The hash that it must have; empty for any.

    Raises
    ------
    IntegrityError
        If its hash differs.
    UsageError
        If there is no such file, or it does not have the format of its ending.
    """
    with open_content(url, sha256) as content:
        return Table(url, content.sha256, parse_content(content))


def parse_content(content: Content) -> pd.DataFrame:
    """Return the rows of a data file.

    Raises
    ------
    UsageError
        If it does not have the format of its ending.
    """
    frames = [_parse_part(content.format, part, content.url) for part in content.parts]
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _parse_part(ending: str, file: Path, url: str) -> pd.DataFrame:
    if ending == PARQUET:
        return _parse_parquet(file, url)
    content = file.read_bytes()
    if ending == ZIPPED_CSV:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(f"The data file {url} is not a whole gzip file: {quote_cause(error)}.") from error
    return read_delimited(content, url)


def parse_parquet(file: Path | IO[bytes]) -> pd.DataFrame:
    """Return the rows of a Parquet file. Each column of Arrow's copy is freed as soon as pandas has it."""
    return pd.read_parquet(file, pre_buffer=False, partitioning=None, to_pandas_kwargs={"self_destruct": True})


def _parse_parquet(file: Path, url: str) -> pd.DataFrame:
    try:
        return convert_decimals(parse_parquet(file))
    except (ValueError, OSError, ArrowException) as error:
        raise UsageError(f"The data file {url} is not a whole Parquet file: {quote_cause(error)}.") from error


def convert_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns of decimals, which pandas reads as objects, are numbers."""
    decimals = [name for name in frame if frame[name].dtype == "object" and infer_dtype(frame[name]) == "decimal"]
    return frame.astype(dict.fromkeys(decimals, "float64")) if decimals else frame
