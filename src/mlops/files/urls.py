"""The paths of ``file://`` URLs."""

from pathlib import Path
from urllib.parse import unquote, urlsplit


def find_path(url: str) -> Path:
    """Return the path of a ``file://`` URL or of a plain path."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)
