"""The paths of ``file://`` URLs."""

from pathlib import Path
from urllib.parse import unquote, urlsplit


def find_path(url: str) -> Path:
    """Return the path that is given as a ``file://`` URL or as a plain path."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)
