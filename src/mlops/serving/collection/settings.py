"""The settings of the collection, which the platform that starts a service writes to a JSON file."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

# The variable with the path of the file. It is not an option, because older servers would refuse an unknown option.
SETTINGS_FILE = "SERVING_COLLECTION"
Policy = Literal["drop", "refuse"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the collection: what is collected, where it is stored, and the limits.

    Parameters
    ----------
    folder : str
        The local folder for the service's segments.
    url : str
        Where closed segments are uploaded; empty to keep them in the folder.
    uploader : tuple of str
        The command that starts the uploader; empty to use the service's Python, which may lack fsspec.
    storage : dict of str to str
        Options of fsspec for the URL, such as a connection string.
    share : float
        The share of requests to collect, above 0 and at most 1.
    omitted, hashed : tuple of str
        The columns that are omitted, and the columns of which only an HMAC is stored.
    key : str
        The key of the HMAC.
    policy : str
        What to do if the disk is full or the limit is reached: "drop" the oldest closed segments, or "refuse" requests.
    max_bytes : int
        The limit for all segments in the folder together, in bytes.
    segment_bytes, segment_seconds : int, float
        The size and the age at which a segment is closed, in bytes and seconds.
    retention_days : int
        The number of days after which uploads and segments are deleted; 0 to keep them.
    """

    folder: str
    url: str = ""
    uploader: tuple[str, ...] = ()
    storage: dict[str, str] = {}
    share: float = 1.0
    omitted: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    key: str = ""
    policy: Policy = "drop"
    max_bytes: int = 1 << 30
    segment_bytes: int = 8 << 20
    segment_seconds: float = 60.0
    retention_days: int = 0


class Folders(NamedTuple):
    """The folder of the image, and the folder with the metrics of the service, where the uploader stores its counts."""

    bundle: Path
    metrics: Path


def find_settings() -> Path | None:
    """Return the file that the variable `SETTINGS_FILE` names, or None if the service collects nothing."""
    named = os.environ.get(SETTINGS_FILE, "")
    return Path(named) if named else None


def read_settings(path: Path) -> Settings:
    """Return the settings in a file.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    return decode_settings(path.read_bytes())


def decode_settings(content: bytes) -> Settings:
    """Return settings that were written as JSON.

    Raises
    ------
    ValueError
        If the content is damaged.
    """
    return msgspec.json.decode(content, type=Settings)
