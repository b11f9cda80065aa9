"""The seam of data sets: versions of the data that is trained on."""

from dataclasses import dataclass

NEW_DATA = "new"  # as `dataset_version`: what has arrived last, which is no version yet


@dataclass(frozen=True)
class DatasetVersion:
    """A version of the data set that is trained on: one file that is never written again."""

    name: str
    version: int
    url: str
