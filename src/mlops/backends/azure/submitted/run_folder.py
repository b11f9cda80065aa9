"""The folder of a submitted run, kept as files of the run in the workspace.

Files of a run never change there: a name is taken for ever. So each step stores what it has changed under a number of
its own, ``retraining/02-train/02_train.html``, and a file's newest version counts. The record of the run comes last:
where it is missing, a step was ended while it stored, and what it stored does not count.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlops.backends.azure.connection.sdk_objects import SdkRun
from mlops.files.hashes import hash_folder

PREFIX = "retraining"
RECORD = "run.json"
STORED = re.compile(rf"{PREFIX}/(?P<place>(?P<number>\d+)-[^/]+)/(?P<name>.+)")


@dataclass(frozen=True)
class StoredFile:
    """A file of a run: where it is, and what it is in the run's folder."""

    artifact: str
    place: str
    number: int
    name: str


def read_names(names: Iterable[str]) -> list[StoredFile]:
    """Return the files of the run's folder among all files of a run."""
    matches = [found for name in names if (found := STORED.fullmatch(name))]
    return [StoredFile(found[0], found["place"], int(found["number"]), found["name"]) for found in matches]


def choose_newest(files: Iterable[StoredFile]) -> list[StoredFile]:
    """Return the version of each file that counts."""
    known = list(files)
    whole = {file.place for file in known if file.name == RECORD}
    ordered = sorted((file for file in known if file.place in whole), key=lambda file: file.number)
    return list({file.name: file for file in ordered}.values())


def fetch_folder(run: SdkRun, folder: Path) -> None:
    """Copy a run's folder as it stands to `folder`; nothing where there is none yet."""
    for file in choose_newest(read_names(run.get_file_names())):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        run.download_file(file.artifact, str(path))


def store_folder(run: SdkRun, folder: Path, step: str, known: dict[str, str]) -> None:
    """Store what has changed since `known`, the SHA-256 of each file when it was fetched."""
    found = {name: digest for name, digest in hash_folder(folder).items() if not Path(name).name.startswith(".")}
    changed = [name for name, digest in found.items() if known.get(name) != digest and name != RECORD]
    number = max((file.number for file in read_names(run.get_file_names())), default=0) + 1
    place = f"{PREFIX}/{number:02d}-{step}"
    for names in (changed, [RECORD]):
        if names:
            run.upload_files([f"{place}/{name}" for name in names], [str(folder / name) for name in names])
