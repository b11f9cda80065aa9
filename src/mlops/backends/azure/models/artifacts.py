"""The files of a training, which are artifacts below ``outputs``, and the properties with their hashes."""

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
    """Upload the files of a folder as artifacts below `name`. The SDK retries three times, and checks the MD5."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [f"{name}/{path.relative_to(folder).as_posix()}" for path in paths]
    if paths:
        list(run.upload_files(names=names, paths=[str(path) for path in paths]))  # `list` raises the errors


def download_folder(run: SdkRun, name: str, folder: Path) -> Path:
    """Replace `folder` with the artifacts below `name`. If there are none, create an empty folder."""
    with tempfile.TemporaryDirectory() as scratch:
        run.download_files(prefix=name, output_directory=scratch, append_prefix=False)
        return replace_folder(Path(scratch), folder)


def replace_folder(source: Path, folder: Path) -> Path:
    """Replace `folder` with a copy of `source`, and return `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(source, folder))


def write_hashes(files: Mapping[str, str]) -> dict[str, str]:
    """Return properties that contain `files`, the SHA-256 of each file, as JSON.

    The JSON is split into several properties, because Azure limits the length of a value. Tags are not used, because
    they can be changed.
    """
    text = json.dumps(dict(files), separators=(",", ":"))
    pieces = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    return {f"{FILES}.{number}" if number else FILES: piece for number, piece in enumerate(pieces)}


def read_hashes(properties: Mapping[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each file from properties of `write_hashes`; empty if there are no such properties."""
    pieces: list[str] = []
    while (name := f"{FILES}.{len(pieces)}" if pieces else FILES) in properties:
        pieces.append(properties[name])
    text = "".join(pieces) or "{}"
    return decode_record(text.encode(), dict[str, str], "The record of a model's hashes", "Register the model again.")
