"""The interface to data: versions of the training data, new data, and the data that services collect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

# Values of `dataset_version`:
LATEST = "latest"  # the newest registered version
NEW_DATA = "new"  # the file that arrived last and is not registered as a version yet


@dataclass(frozen=True)
class DatasetVersion:
    """A version of the training data: one file that never changes.

    Parameters
    ----------
    name : str
        The name of the data set.
    version : int
        The number of the version.
    url : str
        The address of the file.
    columns : tuple of str
        The names of the file's columns; empty if they are not recorded.
    """

    name: str
    version: int
    url: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrival:
    """A file with new data in the watched folder.

    Parameters
    ----------
    name : str
        The name of the file.
    url : str
        The address of the file's copy, which never changes; empty if another run claimed the file.
    taken_by : str
        The id of the other run that claimed the file; empty if none did.
    """

    name: str
    url: str = ""
    taken_by: str = ""


class Datasets(Protocol):
    """The versions of the data set.

    A file becomes a version in two calls: `stage` copies it to a place where it never changes, and `register` makes the
    copy a version.
    """

    def find_newest(self) -> DatasetVersion | None:
        """Return the newest version, or None if there is none yet; called by `mlops run`.

        Raises IntegrityError if the platform detects that the version's file has changed.
        """
        ...

    def get_version(self, version: str) -> DatasetVersion:
        """Return the version with this number, or the newest version for "latest"; called by `mlops run-step`.

        Raises DatasetNotFoundError if there is no such version.
        """
        ...

    def stage(self, file: Path, sha256: str = "") -> str:
        """Copy a local file to a place where it never changes, and return the new address; called before `register`.

        Safe to call again: the same content is stored only once. Raises IntegrityError if `sha256` is given and is not
        the hash of the file.
        """
        ...

    def register(self, url: str) -> DatasetVersion:
        """Make the staged file at `url` the newest version, and return it; called after the file passed the data test.

        Safe to call again: if the newest version already has the same content, that version is returned.
        """
        ...


class Arrivals(Protocol):
    """New data in a watched folder."""

    def fetch_newest(self, run_id: str) -> Arrival:
        """Claim for a run the newest file in the watched folder, copy it, and return its name and the copy's address.

        If another run has already claimed the file, return that run's id instead of an address. Called by
        `mlops run-step`. Safe to call again for the same run. Raises DatasetNotFoundError if no file has arrived.
        """
        ...


@dataclass(frozen=True)
class CollectedPlace:
    """The place of the rows that a service collects.

    Parameters
    ----------
    folder : Path, optional
        The folder on this machine with the segments (files of rows) that are not uploaded yet. None if these segments
        are on other machines.
    url : str
        The URL to which segments are uploaded; empty if they are not uploaded.
    options : mapping
        Options of fsspec for the URL.
    """

    folder: Path | None
    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # they can contain a key


class Collections(Protocol):
    """The rows that services collect."""

    def find_place(self, environment: str) -> CollectedPlace:
        """Return where the service of an environment collects its rows; called by `mlops data`.

        Raises UsageError if the setting of this place is wrong.
        """
        ...

    def require_ready(self, environment: str) -> None:
        """Raise an error if the settings do not let a service collect; called before a run that deploys the service.

        Raises UsageError if a setting is wrong, and SecretNotFoundError if a secret that the settings need is missing.
        """
        ...

    def find_key(self) -> str:
        """Return the key with which services hash columns; "" if no key is set. Called by `mlops data forget`."""
        ...
