"""The file ``profile.json`` of an image: distributions of the training data and of the predictions for this data."""

from pathlib import Path

import msgspec

from .bins import ColumnBins

PROFILE = "profile.json"
FORMAT = 1


class Profile(msgspec.Struct, frozen=True):
    """The bins of the features and of the predictions."""

    columns: tuple[ColumnBins, ...] = ()
    format: int = FORMAT


def encode_profile(columns: tuple[ColumnBins, ...]) -> bytes:
    """Return the content of ``profile.json``."""
    return msgspec.json.format(msgspec.json.encode(Profile(columns)), indent=1) + b"\n"


def read_profile(bundle: Path) -> Profile:
    """Return the profile of an image, which is empty if the image has none, or if a newer version wrote it.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = bundle / PROFILE
    found = msgspec.json.decode(path.read_bytes(), type=Profile) if path.is_file() else Profile()
    return found if found.format == FORMAT else Profile()
