"""The seam of data sets: versions of the data that is trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LATEST = "latest"  # as `dataset_version`: the newest registered version
NEW_DATA = "new"  # as `dataset_version`: the file that arrived last, which is not a version yet


@dataclass(frozen=True)
class DatasetVersion:
    """A version of the data set that is trained on: one file that is never written again."""

    name: str
    version: int
    url: str


@dataclass(frozen=True)
class Arrival:
    """New data: a file in the watched folder.

    Parameters
    ----------
    name : str
        The file.
    url : str
        Where it was staged; empty if another run has taken it.
    taken_by : str
        The id of that run.
    """

    name: str
    url: str = ""
    taken_by: str = ""


class Datasets(Protocol):
    """The versions of the data set.

    A file is staged first: copied to where nobody writes to it again. It is tested there, and registered where it is
    once it has passed. So a version is exactly what was tested, and there is one copy of it.
    """

    def find_newest(self) -> DatasetVersion | None:
        """Return the newest version, or None before the first; called by `mlops run` to choose the data.

        Raises IntegrityError where the platform sees that its file has changed.
        """
        ...

    def get_version(self, version: str) -> DatasetVersion:
        """Return a version by its number, or the newest for `LATEST`; called by `mlops run-step`.

        Raises DatasetNotFoundError.
        """
        ...

    def stage(self, file: Path, sha256: str = "") -> str:
        """Copy a local file to where nobody writes to it again, and return its address; called before `register`.

        Safe to call again: the same content is stored once. Raises IntegrityError if the file does not have the hash
        `sha256`, that of the content that was tested.
        """
        ...

    def register(self, url: str) -> DatasetVersion:
        """Make a staged file the newest version; called when it has passed the data test.

        Safe to call again: the content of the newest version does not become another one.
        """
        ...


class Arrivals(Protocol):
    """New data in a watched folder."""

    def fetch_newest(self, run_id: str) -> Arrival:
        """Stage the file that arrived last, for a submitted run; called by `mlops run-step` for `NEW_DATA`.

        Each file is for one run, however many are started at once: the others learn which one took it. A run
        that failed gives its file back to runs that begin later. Safe to call again for the same run. Raises
        DatasetNotFoundError if none has arrived.
        """
        ...
