"""The folder of a submitted run, stored as files of the run in the workspace."""

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
    """One version of a file in a run's folder.

    For the file "retraining/02-train/run.json", `place` is "02-train", `number` is 2, and `name` is "run.json".
    """

    artifact: str
    place: str
    number: int
    name: str


def read_names(names: Iterable[str]) -> list[StoredFile]:
    """Find the files of a run's folder among the names of all files stored in the run, and return them."""
    matches = [found for name in names if (found := STORED.fullmatch(name))]
    return [StoredFile(found[0], found["place"], int(found["number"]), found["name"]) for found in matches]


def choose_newest(files: Iterable[StoredFile]) -> list[StoredFile]:
    """Return the newest version of each file, ignoring steps that did not store all of their files."""
    known = list(files)
    whole = {file.place for file in known if file.name == RECORD}
    ordered = sorted((file for file in known if file.place in whole), key=lambda file: file.number)
    return list({file.name: file for file in ordered}.values())


def fetch_folder(run: SdkRun, folder: Path) -> None:
    """Download the stored folder of a run to `folder`; do nothing if nothing is stored yet."""
    for file in choose_newest(read_names(run.get_file_names())):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        run.download_file(file.artifact, str(path))


def store_folder(run: SdkRun, folder: Path, step: str, known: dict[str, str]) -> None:
    """Store the files of `folder` that are new or changed.

    `step` is the name of the step that stores them. `known` maps the name of each file stored so far to its SHA-256.
    """
    found = {name: digest for name, digest in hash_folder(folder).items() if not Path(name).name.startswith(".")}
    changed = [name for name, digest in found.items() if known.get(name) != digest and name != RECORD]
    number = max((file.number for file in read_names(run.get_file_names())), default=0) + 1
    # Stored files of a run cannot be changed, so each step stores its changes under a new number.
    place = f"{PREFIX}/{number:02d}-{step}"
    # The record is stored last, so that its presence shows that all files are stored.
    for names in (changed, [RECORD]):
        if names:
            run.upload_files([f"{place}/{name}" for name in names], [str(folder / name) for name in names])
