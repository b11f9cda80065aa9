"""Data files: read from any URL that fsspec knows, with the hash that names their content."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pandas as pd
from pyarrow import ArrowInvalid

from mlops.errors import IntegrityError, UsageError
from mlops.files import store_by_content


@dataclass(frozen=True)
class Table:
    """A data file, read.

    Parameters
    ----------
    url : str
        Where it was read.
    sha256 : str
        Hash of its bytes.
    frame : DataFrame
        Its rows.
    """

    url: str
    sha256: str
    frame: pd.DataFrame


def write_sample(folder: Path, name: str, make: Callable[[], pd.DataFrame]) -> str:
    """Write a problem's sample data as CSV and return its path as text.

    It is stored by its content below `folder`, ``MLOPS_HOME/datasets``, where it stays when it becomes a version.
    """
    return str(store_by_content(folder, name, make().to_csv(index=False).encode()))


def read_table(url: str, sha256: str = "") -> Table:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec knows. The ending says which format: ``.csv`` or ``.parquet``.
    sha256 : str
        The hash that it must have; empty for any.

    Raises
    ------
    IntegrityError
        If it has another hash.
    UsageError
        If there is no such file, or it is not in the format that its ending says.
    """
    if not url.endswith((".csv", ".parquet")):
        raise UsageError(f"data file {url}: its name must end in .csv or .parquet")
    try:
        with fsspec.open(url, "rb") as file:
            content = file.read()
    except FileNotFoundError as error:
        raise UsageError(f"There is no data file {url}. Check the path.") from error
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"data file {url} cannot be read ({error}); check the path") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256:
        raise IntegrityError(f"data file {url} has changed since it was tested (SHA-256 {found[:12]}…): test it again")
    try:
        frame = pd.read_csv(io.BytesIO(content)) if url.endswith(".csv") else pd.read_parquet(io.BytesIO(content))
    except pd.errors.EmptyDataError:
        frame = pd.DataFrame()
    except (ValueError, OSError, pd.errors.ParserError, ArrowInvalid) as error:
        raise UsageError(f"data file {url} is not in the format that its name says: {error}") from error
    return Table(url, found, frame)
