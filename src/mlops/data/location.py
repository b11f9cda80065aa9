"""The check that a data file can be read."""

import os
import re
import stat
from pathlib import Path

from mlops.errors import ExtraMissingError, UsageError, quote_cause
from mlops.files.urls import find_path

KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
OF_AZURE = "adlfs"  # the package that reads az:// and abfs://
SCHEME = re.compile(r"([A-Za-z][\w+.-]+)(?:://|::)")


def require_file(url: str, source: str) -> None:
    """Raise an error if a local path cannot be read, or if the scheme of a URL is not supported.

    Parameters
    ----------
    url : str
        A path or a URL. If it is empty, nothing is checked.
    source : str
        The name of the parameter that has this value, for the error message.

    Raises
    ------
    UsageError
        If the path cannot be read, or the scheme is not supported.
    """
    found = SCHEME.match(url)
    if found and found[1] != "file":
        _require_scheme(found[1], url, source)
    elif url and not find_path(url).exists():
        raise UsageError(f"{source} is {url!r}, but there is no such file{name_folder(url)}. Check the path.")
    elif url and (obstacle := describe_obstacle(find_path(url))):
        raise UsageError(f"{source} is {url!r}, which {obstacle}.")


def name_folder(url: str) -> str:
    """Return " in " and the working directory if `url` is a relative path, otherwise "". For error messages."""
    return "" if SCHEME.match(url) or Path(url).is_absolute() else f" in {Path.cwd()}"


def describe_obstacle(path: Path) -> str:
    """Return why a path cannot be read as data, and what to do: "is a pipe. Write the data to a file".

    Return "" if the path can be read or does not exist.
    """
    # Reading a pipe or a device may never end, and reading it a second time would return different data.
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # the path does not exist, or is not valid
        return ""
    kind = next((kind for test, kind in KINDS if test(mode)), "")
    if kind:
        return f"is {kind}. Write the data to a file"
    if not os.access(path, os.R_OK):
        return "cannot be read by this user. Change its permissions"
    if stat.S_ISDIR(mode) and not any(path.glob("*.parquet")):
        return "is a folder without Parquet files. Name a file, or a folder of Parquet files"
    return ""


def _require_scheme(scheme: str, url: str, source: str) -> None:
    from fsspec import get_filesystem_class
    from fsspec.registry import known_implementations

    try:
        get_filesystem_class(scheme)
    except ImportError as error:
        package = known_implementations[scheme]["class"].partition(".")[0]
        if package == OF_AZURE:
            raise ExtraMissingError(f"{source} is {url!r}, which", "azure", package) from error
        raise UsageError(f"{source} is {url!r}, but {scheme}:// cannot be read here: {quote_cause(error)}.") from error
    except ValueError:
        known = "Use a path, or a URL such as https://, az:// or file://."
        raise UsageError(f"{source} is {url!r}, but {scheme}:// is not supported. {known}") from None
