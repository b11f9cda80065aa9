"""The data set on one machine: files in folders named by the files' SHA-256, and a catalogue of the versions."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from filelock import FileLock

from mlops.data.content import pack_file, read_header
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
from mlops.problem import Problem
from mlops.record.clock import now
from mlops.workspace import mark_home

FOLDER = "datasets"  # a folder in MLOPS_HOME
CATALOGUE = "catalogue.json"


@dataclass(frozen=True)
class CatalogueEntry:
    """A version of a data set.

    Parameters
    ----------
    version : int
        The number of the version.
    file : str
        The path of the file, relative to the folder of the catalogue.
    sha256 : str
        The hash of the file.
    registered : str
        The time of the registration, in UTC and ISO 8601.
    dataset : str
        The name of the data set. Empty if the version was registered while MLOPS_HOME had format 3 or older, which
        allowed only one data set.
    columns : tuple of str
        The names of the file's columns; empty if they are unknown.
    """

    version: int
    file: str
    sha256: str
    registered: str = ""
    dataset: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """The versions of all data sets, oldest first."""

    versions: tuple[CatalogueEntry, ...] = ()


class LocalDatasets:
    """See `mlops.platform.datasets.Datasets`.

    Parameters
    ----------
    home : Path
        The folder of the local platform (``MLOPS_HOME``). Each file is in a folder ``datasets/<first digits of the
        file's SHA-256>/``.
    command_options : str
        The option that messages add to suggested commands, such as " --platform local"; empty to add none.
    load_problem : callable, optional
        Returns the problem, whose name is also the name of the data set. If omitted, there is only one data set.
    """

    def __init__(
        self, home: Path, command_options: str = "", load_problem: Callable[[], Problem] | None = None
    ) -> None:
        self._home = home
        self._load_problem = load_problem
        self._options = command_options
        self._folder = home / FOLDER

    def find_newest(self) -> DatasetVersion | None:
        """See `Datasets`."""
        versions = self._list_own(self._read().versions)
        return self._make_version(self._verify(versions[-1]), versions) if versions else None

    def get_version(self, version: str) -> DatasetVersion:
        """See `Datasets`."""
        versions = self._list_own(self._read().versions)
        for entry in reversed(versions):
            if version in (LATEST, str(entry.version)):
                return self._make_version(self._verify(entry), versions)
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
            known = self._read().versions
            versions = self._list_own(known)
            if versions and versions[-1].sha256 == sha256:
                if not self._is_whole(versions[-1]):
                    copy_atomically(path, self._folder / versions[-1].file, sha256)
                return self._make_version(versions[-1], versions)
            mark_home(self._home)  # raises the format number of MLOPS_HOME, because format 1 has no catalogue
            number = versions[-1].version + 1 if versions else 1
            file, name = path.relative_to(self._folder).as_posix(), self._find_name()
            entry = CatalogueEntry(number, file, sha256, now(), name, read_header(path))
            self._write([*self._add_names(known, versions), entry])
        return self._make_version(entry, (*versions, entry))

    def count_unnamed(self) -> int:
        """Return the number of versions that an older engine recorded without the name of their data set."""
        known = self._read().versions
        if self._load_problem is None or all(entry.dataset for entry in known):
            return 0
        return sum(not entry.dataset for entry in self._list_own(known))

    def name_versions(self) -> None:
        """Add the data set's name to each of its versions that was recorded without a name."""
        with explain_full_disk(self._folder), FileLock(self._folder / "lock"):
            known = self._read().versions
            self._write(self._add_names(known, self._list_own(known)))

    def list_staged(self) -> list[Path]:
        """Return the staged files, which are stored but not registered as versions."""
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
        return read_record(path, Catalogue) if path.exists() else Catalogue(tuple(self._list_numbered_folders()))

    def _write(self, versions: Sequence[CatalogueEntry]) -> None:
        content = msgspec.json.format(msgspec.json.encode(Catalogue(tuple(versions))), indent=1)
        write_atomically(self._folder / CATALOGUE, content)

    def _find_name(self) -> str:
        return self._load_problem().name if self._load_problem else ""

    def _list_own(self, known: Sequence[CatalogueEntry]) -> tuple[CatalogueEntry, ...]:
        if self._load_problem is None or not known:
            return tuple(known)
        problem = self._load_problem()
        named = tuple(entry for entry in known if entry.dataset == problem.name)
        unnamed = tuple(entry for entry in known if not entry.dataset)
        if named or not unnamed:
            return named
        columns = read_header(self._folder / unnamed[-1].file)
        return unnamed if problem.target.name in columns or not columns else ()

    def _add_names(self, known: Sequence[CatalogueEntry], own: Sequence[CatalogueEntry]) -> list[CatalogueEntry]:
        name = self._find_name()
        return [
            replace(entry, dataset=name, columns=entry.columns or read_header(self._folder / entry.file))
            if entry in own
            else entry
            for entry in known
        ]

    def _list_numbered_folders(self) -> list[CatalogueEntry]:
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
        if not self._is_whole(entry):
            command = f"mlops provision -p {DATA_PARAMETER}=FILE{self._options}"
            raise IntegrityError(
                f"Version {entry.version} of the data set is damaged: {self._folder / entry.file} is missing or has "
                f"changed. Restore the file, or register data again with `{command}`."
            )
        return entry

    def _make_version(self, entry: CatalogueEntry, versions: Sequence[CatalogueEntry]) -> DatasetVersion:
        name = self._find_name() or split_name(Path(versions[0].file).name)[0]
        file = self._folder / entry.file
        return DatasetVersion(name, entry.version, str(file), entry.columns or read_header(file))
