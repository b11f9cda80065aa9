"""Where a data file is, and whether it can be there."""

import re
from pathlib import Path

from mlops.errors import UsageError
from mlops.files import find_path

SCHEME = re.compile(r"([A-Za-z][\w+.-]+)(?:://|::)")


def require_file(url: str, source: str) -> None:
    """Refuse a local file that does not exist, and a URL that nothing here can read. Nothing else is asked for.

    Parameters
    ----------
    url : str
        A path or a URL; empty for none.
    source : str
        The parameter that names it, for the error.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    found = SCHEME.match(url)
    if found and found[1] != "file":
        _require_scheme(found[1], url, source)
    elif url and not find_path(url).exists():
        raise UsageError(f"{source} is {url!r}, but there is no such file in {Path.cwd()}. Check the path.")


def _require_scheme(scheme: str, url: str, source: str) -> None:
    from fsspec import get_filesystem_class

    try:
        get_filesystem_class(scheme)
    except ImportError as error:
        raise UsageError(f"{source} is {url!r}, but {scheme}:// cannot be read here: {error}.") from error
    except ValueError:
        known = "Use a path, or a URL such as https://, az:// or file://."
        raise UsageError(f"{source} is {url!r}, but {scheme}:// is unknown. {known}") from None
