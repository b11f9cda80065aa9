"""The files of a training, stored as artifacts of its run, and their hashes, stored as properties."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlops.backends.azure.connection.sdk_objects import SdkRun
from mlops.files.records import decode_record

MODEL = "outputs/model"
PLOTS = "outputs/plots"
FILES = "files"
LONGEST = 1000  # Azure's limit of characters in the value of a property


def upload_folder(run: SdkRun, name: str, folder: Path) -> None:
    """Upload the files of a folder as artifacts of a run, below the path `name`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [f"{name}/{path.relative_to(folder).as_posix()}" for path in paths]
    if paths:
        list(run.upload_files(names=names, paths=[str(path) for path in paths]))  # `list` raises the errors


def download_folder(run: SdkRun, name: str, folder: Path) -> Path:
    """Replace `folder` with those artifacts of a run that are below the path `name`, and return `folder`."""
    with tempfile.TemporaryDirectory() as scratch:
        run.download_files(prefix=name, output_directory=scratch, append_prefix=False)
        return replace_folder(Path(scratch), folder)


def replace_folder(source: Path, folder: Path) -> Path:
    """Replace `folder` with a copy of `source`, and return `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(source, folder))


def write_hashes(files: Mapping[str, str]) -> dict[str, str]:
    """Return `files` (the SHA-256 of each file, by name), encoded as properties of a run."""
    text = json.dumps(dict(files), separators=(",", ":"))
    # Azure limits the length of a property. Tags are not used, because they can be changed.
    pieces = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    return {f"{FILES}.{number}" if number else FILES: piece for number, piece in enumerate(pieces)}


def read_hashes(properties: Mapping[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each file by name, decoded from `properties`; empty if none are recorded."""
    pieces: list[str] = []
    while (name := f"{FILES}.{len(pieces)}" if pieces else FILES) in properties:
        pieces.append(properties[name])
    text = "".join(pieces) or "{}"
    return decode_record(text.encode(), dict[str, str], "The record of a model's hashes", "Register the model again.")
