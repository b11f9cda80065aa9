"""The data set in memory: files that readers open by URL, in fsspec's memory file system."""

import shutil
import uuid
from pathlib import Path

import fsspec

from mlops.data.content import pack_file, read_header
from mlops.data.listing import split_name
from mlops.errors import DatasetNotFoundError
from mlops.files.hashes import hash_file
from mlops.platform.datasets import LATEST, DatasetVersion


class MemoryDatasets:
    """See `mlops.platform.datasets.Datasets`."""

    def __init__(self) -> None:
        self._root = f"memory://mlops-{uuid.uuid4().hex}"  # all platforms of a process share one file system
        self._versions: list[DatasetVersion] = []
        self._columns: dict[str, tuple[str, ...]] = {}

    def find_newest(self) -> DatasetVersion | None:
        """See `Datasets`."""
        return self._versions[-1] if self._versions else None

    def get_version(self, version: str) -> DatasetVersion:
        """See `Datasets`."""
        for found in reversed(self._versions):
            if version in (LATEST, str(found.version)):
                return found
        known = ", ".join(str(found.version) for found in self._versions)
        advice = f"Choose one of: {known}." if known else "Register a file first."
        raise DatasetNotFoundError(f"The data set has no version {version!r} in memory. {advice}")

    def stage(self, file: Path, sha256: str = "") -> str:
        """See `Datasets`."""
        with pack_file(file, sha256) as (name, packed):
            url = f"{self._root}/{hash_file(packed)[:12]}/{name}"
            with packed.open("rb") as source, fsspec.open(url, "wb") as target:
                shutil.copyfileobj(source, target)
            self._columns[url] = read_header(packed)
        return url

    def register(self, url: str) -> DatasetVersion:
        """See `Datasets`."""
        newest = self.find_newest()
        if newest and newest.url == url:  # the same URL means the same content
            return newest
        name = self._versions[0].name if self._versions else split_name(Path(url).name)[0]
        self._versions.append(DatasetVersion(name, len(self._versions) + 1, url, self._columns.get(url, ())))
        return self._versions[-1]
