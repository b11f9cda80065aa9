"""The interface to data sets: versions of the training data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# Values of `dataset_version`:
LATEST = "latest"  # the newest registered version
NEW_DATA = "new"  # the file that arrived last, which is not a version yet


@dataclass(frozen=True)
class DatasetVersion:
    """A version of the training data: one file that never changes."""

    name: str
    version: int
    url: str


@dataclass(frozen=True)
class Arrival:
    """New data: a file in the watched folder.

    Parameters
    ----------
    name : str
        The name of the file.
    url : str
        The address of the staged copy; empty if another run claimed the file.
    taken_by : str
        The id of the run that claimed it, or empty.
    """

    name: str
    url: str = ""
    taken_by: str = ""


class Datasets(Protocol):
    """The versions of the data set.

    A file is first staged, that is, copied to a place where it never changes. It is tested there and,
    once it has passed, registered there. So a version is exactly the file that was tested, and there is only one copy.
    """

    def find_newest(self) -> DatasetVersion | None:
        """Return the newest version, or None if there is none yet; called by `mlops run` to choose the data.

        Raises IntegrityError if the platform detects that its file has changed.
        """
        ...

    def get_version(self, version: str) -> DatasetVersion:
        """Return a version by its number, or the newest for `LATEST`; called by `mlops run-step`.

        Raises DatasetNotFoundError.
        """
        ...

    def stage(self, file: Path, sha256: str = "") -> str:
        """Copy a local file to a place where it never changes, and return the new address; called before `register`.

        Safe to call again: the same content is stored once. Raises IntegrityError if the file does not have the hash
        `sha256`, which is the hash of the content that was tested.
        """
        ...

    def register(self, url: str) -> DatasetVersion:
        """Make a staged file the newest version; called once it has passed the data test.

        Safe to call again: if the newest version has the same content, no other version is created.
        """
        ...


class Arrivals(Protocol):
    """New data in a watched folder."""

    def fetch_newest(self, run_id: str) -> Arrival:
        """Stage the file that arrived last, for a submitted run; called by `mlops run-step` for `NEW_DATA`.

        Only one run gets a file, even if several start at the same time; the others get the id of that run. If that run
        fails, a later run gets the file. Safe to call again for the same run. Raises DatasetNotFoundError if no file
        has arrived.
        """
        ...
