"""A bundle, the content of a scoring image: a folder with a manifest of hashes. Builds are reproducible.

.. code-block:: text

    manifest.json      name, model, runtime, SHA-256 of every other file
    example.json       an example request, and the true values for its rows if they are known
    requirements.txt   the packages that the service needs, with exact versions
    schema.json        the features of a request and the kind of the answers
    examples.json      the examples that the problem declares
    openapi.json       the description of the service for clients
    openapi-3.0.json   the same description as OpenAPI 3.0
    swagger.json       the same description as Swagger 2.0, for clients of Azure
    profile.json       the distributions of the training data; older images do not have this file
    runtime.txt        the runtime of the model, if a person chose it instead of the fastest one
    score.py           the scoring script: init(), run()
    *.py               modules that the scoring script imports (`image_files` of the problem)
    model/             the files that the scoring script loads, and the ranges of the training data
    serving/           the server

An image lacks ``schema.json``, ``examples.json`` and ``profile.json`` if its script reads the body of a request itself.
Older images can lack them and the descriptions, too.

The digest of an image is the SHA-256 of its manifest. Because the manifest contains the hashes of all other files, the
digest identifies the whole content.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement

import mlops.serving
from mlops.errors import IntegrityError, ProblemError
from mlops.files.hashes import hash_folder, verify_files
from mlops.files.records import read_record
from mlops.image.openapi import describe_service
from mlops.image.sources import EXAMPLES, REQUIREMENTS, RUNTIME_CHOICE, ImageSources
from mlops.problem.image_files import SCORING_SCRIPT
from mlops.serving.identity import MANIFEST
from mlops.serving.schema import SCHEMA, decode_schema
from mlops.serving.workers.warming import EXAMPLE

if TYPE_CHECKING:
    from mlops.serving.metrics.bins import ColumnBins

MODEL = "model"
SERVING = "serving"
SCRIPT = "script"  # the runtime of a model that the scoring script loads itself
COMMENT = re.compile(r"(?:^|\s)#")
OTHER_OPTION = re.compile(r"-(?!r|e|-requirement|-editable)")  # such as the option with the URL of an index
EXACT = re.compile(r"==[^*,]+")


def build_bundle(
    folder: Path,
    sources: ImageSources,
    *,
    model_name: str,
    model_version: int,
    model_files: list[Path],
    example: Sequence[object],
    actual: Sequence[object] = (),
    profile: "Sequence[ColumnBins]" = (),
) -> str:
    """Write a bundle, and return its digest.

    Parameters
    ----------
    folder : Path
        The folder of the bundle. Its previous content is deleted.
    sources : ImageSources
        The files of the problem.
    model_name, model_version : str, int
        The name and the version of the model. The name of the image is "<model name>:<version>".
    model_files : list of Path
        Files that the scoring script loads.
    example : sequence of length n
        Rows of an example request; see `mlops.image.schema.write_rows`.
    actual : sequence of length n
        The true values of these rows; empty if they are unknown.
    profile : sequence of ColumnBins
        The distributions of the training data; empty if they are unknown.

    Returns
    -------
    str
        The digest of the bundle, such as "sha256:…".
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / MODEL).mkdir(parents=True)
    for file in model_files:
        shutil.copyfile(file, folder / MODEL / file.name)
    shutil.copyfile(sources.script, folder / SCORING_SCRIPT)
    for file in sources.image_files:
        shutil.copyfile(file, folder / file.name)
    if profile and sources.schema:
        from mlops.serving.metrics.profile import PROFILE, encode_profile  # with numpy, which few commands need

        (folder / PROFILE).write_bytes(encode_profile(tuple(profile)))
    if sources.schema:
        (folder / SCHEMA).write_bytes(sources.schema)
        (folder / EXAMPLES).write_bytes(sources.encode_examples())
    if sources.runtime:
        (folder / RUNTIME_CHOICE).write_text(sources.runtime + "\n", encoding="utf-8")
    schema = decode_schema(sources.schema) if sources.schema else None
    described = describe_service(schema, sources.write_examples() if schema else (), model_name, model_version)
    for name, content in described.items():
        (folder / name).write_bytes(content)
    shutil.copyfile(sources.requirements, folder / REQUIREMENTS)
    request: dict[str, object] = {"data": example, **({"actual": actual} if actual else {})}
    (folder / EXAMPLE).write_text(json.dumps(request) + "\n", encoding="utf-8")
    server = Path(mlops.serving.__file__).parent
    for file in sorted(server.rglob("*.py")):
        target = folder / SERVING / file.relative_to(server)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    manifest = {
        "format": 1,
        "name": f"{model_name}:{model_version}",
        "model": {"name": model_name, "version": model_version},
        "runtime": _name_runtime(folder / MODEL),
        "files": hash_folder(folder),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return digest_bundle(folder)


def split_example(text: str) -> tuple[str, list[object]]:
    """Return the two parts of ``example.json``: the request, as JSON, and the true values for its rows, if known."""
    try:
        content = json.loads(text or "{}")
    except ValueError:  # the content is damaged, which is reported when the image is read
        return text, []
    actual = content.pop("actual", []) if isinstance(content, dict) else []
    return json.dumps(content), actual


def digest_bundle(folder: Path) -> str:
    """Return the digest of the bundle in `folder`, without checking its files."""
    return "sha256:" + hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def verify_bundle(folder: Path, digest: str) -> dict[str, Any]:
    """Check a bundle against its digest.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    IntegrityError
        If a file is missing, was added, or was changed.
    """
    if not (folder / MANIFEST).is_file():
        raise IntegrityError(f"image {digest}: {folder / MANIFEST} is missing. Create the image again.")
    found = digest_bundle(folder)
    if found != digest:
        raise IntegrityError(
            f"image {digest}: {folder / MANIFEST} has changed (its digest is now {found}). Create the image again."
        )
    manifest = read_record(folder / MANIFEST, dict[str, Any], "Create the image again.")
    files = {**manifest["files"], MANIFEST: digest.removeprefix("sha256:")}
    verify_files(folder, files, f"image {digest}", "create the image again")
    return manifest


def read_pins(requirements: Path, machine: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the version of each package that a requirements file pins for one kind of machine.

    Parameters
    ----------
    requirements : Path
        The file of pinned packages, one per line.
    machine : mapping, optional
        Environment markers of the machine, such as ``{"sys_platform": "linux"}``. All other markers have the
        values of the machine on which this function runs.

    Raises
    ------
    ProblemError
        If a line is not text in UTF-8, or does not pin an exact version.
    """
    pins = [pin for pin, _ in _read_lines(requirements)]
    wanted = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(dict(machine or {}))]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in wanted}


def list_unhashed(requirements: Path) -> list[str]:
    """Return the packages that a requirements file pins without a hash."""
    return [pin.name for pin, hashed in _read_lines(requirements) if not hashed]


def _name_runtime(model: Path) -> str:
    from mlops.serving.runtimes.record import RECORD, read_record  # with numpy, which few commands need

    return read_record(model).runtime if (model / RECORD).is_file() else SCRIPT


def _read_lines(requirements: Path) -> Iterator[tuple[Requirement, bool]]:
    number = 1
    for joined in re.split(r"(?<!\\)\n", _read_text(requirements)):
        line, place = COMMENT.split(joined.replace("\\\n", " "))[0].strip(), f"{requirements}, line {number}"
        number += joined.count("\n") + 1
        if line and not OTHER_OPTION.match(line):
            written, *hashes = (part.strip() for part in line.split(" --hash="))
            try:
                pin = Requirement(written)
            except InvalidRequirement:
                pin = None
            if pin is None or not EXACT.fullmatch(str(pin.specifier)):
                raise ProblemError(f"{place} is {written!r}. Write each package as name==version.")
            yield pin, bool(hashes)


def _read_text(requirements: Path) -> str:
    content = requirements.read_bytes()
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ProblemError(f"{requirements}, line {line} is not text in UTF-8. Save the file as UTF-8.") from error
