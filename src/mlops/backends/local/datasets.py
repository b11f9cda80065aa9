"""The data set on one machine: files in folders named by their SHA-256, and a catalogue of the versions."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock

from mlops.data.content import pack_file
from mlops.data.listing import split_name
from mlops.errors import DatasetNotFoundError, IntegrityError
from mlops.files.atomic import write_atomically
from mlops.files.contents import copy_atomically, store_by_content
from mlops.files.disk import explain_full_disk
from mlops.files.hashes import hash_file
from mlops.files.records import read_record
from mlops.files.urls import find_path
from mlops.pipelines.advice import DATA_PARAMETER
from mlops.platform.datasets import LATEST, DatasetVersion
from mlops.record.clock import now
from mlops.workspace import mark_home

FOLDER = "datasets"  # a folder in MLOPS_HOME
CATALOGUE = "catalogue.json"


@dataclass(frozen=True)
class CatalogueEntry:
    """A version of the data set: its number, the path and SHA-256 of its file, and the time of its registration.

    The path is relative to the folder of the catalogue.
    """

    version: int
    file: str
    sha256: str
    registered: str = ""


@dataclass(frozen=True)
class Catalogue:
    """The versions of the data set, oldest first."""

    versions: tuple[CatalogueEntry, ...] = ()


class LocalDatasets:
    """See `mlops.platform.datasets.Datasets`.

    Parameters
    ----------
    home : Path
        ``MLOPS_HOME``. Each file is in a folder ``datasets/<first digits of the file's SHA-256>/``.
    command_options : str
        The option that selects the platform, to add to commands in messages: " --platform local", or empty.
    """

    def __init__(self, home: Path, command_options: str = "") -> None:
        self._home = home
        self._options = command_options
        self._folder = home / FOLDER

    def find_newest(self) -> DatasetVersion | None:
        """See `Datasets`."""
        versions = self._read().versions
        return self._describe(self._verify(versions[-1]), versions) if versions else None

    def get_version(self, version: str) -> DatasetVersion:
        """See `Datasets`."""
        versions = self._read().versions
        for entry in reversed(versions):
            if version in (LATEST, str(entry.version)):
                return self._describe(self._verify(entry), versions)
        known = ", ".join(str(entry.version) for entry in versions)
        raise DatasetNotFoundError(
            f"The data set has no version {version!r} in {self._folder}. "
            + (
                f"Choose one of: {known}."
                if known
                else f"Run `mlops run build{self._options}` to test and register the first one."
            )
        )

    def stage(self, file: Path, sha256: str = "") -> str:
        """See `Datasets`."""
        with pack_file(file, sha256) as (name, packed), explain_full_disk(self._folder):
            return str(store_by_content(self._folder, name, packed))

    def register(self, url: str) -> DatasetVersion:
        """See `Datasets`."""
        path = find_path(url)
        if not path.is_relative_to(self._folder):
            path = find_path(self.stage(path))
        sha256 = hash_file(path)
        with explain_full_disk(self._folder), FileLock(self._folder / "lock"):
            versions = self._read().versions
            if versions and versions[-1].sha256 == sha256:
                if not self._is_whole(versions[-1]):
                    copy_atomically(path, self._folder / versions[-1].file, sha256)
                return self._describe(versions[-1], versions)
            mark_home(self._home)  # raises the format number of MLOPS_HOME, because format 1 has no catalogue
            number = versions[-1].version + 1 if versions else 1
            entry = CatalogueEntry(number, path.relative_to(self._folder).as_posix(), sha256, now())
            versions = (*versions, entry)
            content = msgspec.json.format(msgspec.json.encode(Catalogue(versions)), indent=1)
            write_atomically(self._folder / CATALOGUE, content)
        return self._describe(entry, versions)

    def list_staged(self) -> list[Path]:
        """Return the staged files that were not registered as versions."""
        versions = {self._folder / entry.file for entry in self._read().versions}
        staged = self._folder.glob("[0-9a-f]" * 12 + "/[!.]*")
        return [path for path in sorted(staged) if path.is_file() and path not in versions]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the data set for a ``with`` block, so that no other process can register a version."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "lock"):
            yield

    def _read(self) -> Catalogue:
        path = self._folder / CATALOGUE
        return read_record(path, Catalogue) if path.is_file() else Catalogue(tuple(self._list_numbered()))

    def _list_numbered(self) -> list[CatalogueEntry]:
        """Return the versions that an older engine stored as folders with a number as their name."""
        folders = [path for path in self._folder.glob("*") if re.fullmatch(r"[1-9]\d{0,5}", path.name)]
        # Names of unfinished copies begin with a dot.
        files = {int(path.name): next(path.glob("[!.]*"), None) for path in folders}
        return [
            CatalogueEntry(number, file.relative_to(self._folder).as_posix(), hash_file(file))
            for number, file in sorted(files.items())
            if file
        ]

    def _is_whole(self, entry: CatalogueEntry) -> bool:
        path = self._folder / entry.file
        return path.is_file() and hash_file(path) == entry.sha256

    def _verify(self, entry: CatalogueEntry) -> CatalogueEntry:
        """Return `entry` after checking that its file has not changed since it was registered.

        Raises
        ------
        IntegrityError
            If the file has changed or is missing.
        """
        if not self._is_whole(entry):
            command = f"mlops provision -p {DATA_PARAMETER}=FILE{self._options}"
            raise IntegrityError(
                f"Version {entry.version} of the data set is damaged: {self._folder / entry.file} is missing or has "
                f"changed. Restore the file, or register data again with `{command}`."
            )
        return entry

    def _describe(self, entry: CatalogueEntry, versions: Sequence[CatalogueEntry]) -> DatasetVersion:
        """Return an entry of the catalogue as a `DatasetVersion`."""
        return DatasetVersion(split_name(Path(versions[0].file).name)[0], entry.version, str(self._folder / entry.file))
