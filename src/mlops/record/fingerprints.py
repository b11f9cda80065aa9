"""Fingerprints of steps. A fingerprint is a hash of everything that the results of a step depend on."""

import hashlib
import json
import os
import re
import secrets
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlops.files.atomic import write_atomically
from mlops.files.hashes import hash_content, hash_file, hash_path
from mlops.files.records import read_content
from mlops.files.urls import find_path
from mlops.parameters.lookup import RUN_FOLDER, SWEEP_TRACKING
from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord
from mlops.workspace import Workspace, mark_home

FORMAT = 1  # part of the fingerprint; a higher number invalidates all older fingerprints
INFO = ".dist-info"
PROBLEM = re.compile(r"^problem:\s*['\"]?(\w+)", re.MULTILINE)  # a line of base.yml; parsing it as YAML takes 5 ms
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)
VOLATILE = (RUN_FOLDER, SWEEP_TRACKING)  # parameters that are different in every run, but do not affect results

RECENT = 0.1  # maximum age of a listing in seconds; listing the 400 files of this project takes 2 ms

Observe = Callable[[str], str]
Listing = tuple[tuple[str, int, int, int], ...]  # path, modification time, size and inode of each file

_listings: dict[str, tuple[float, Listing]] = {}  # for each folder, the time of its last listing, and the listing


def fingerprint_step(
    step: Step,
    parameters: Mapping[str, Any],
    run: RunRecord,
    workspace: Workspace,
    observe: Observe,
    *,
    recent: bool = False,
) -> str:
    """Return the hash of everything that a step's results depend on.

    Parameters
    ----------
    step : Step
        The step.
    parameters : mapping
        The parameters of its notebook.
    run : RunRecord
        The record of the run, with the results of earlier steps.
    workspace : Workspace
        The project.
    observe : callable
        A function that takes the name of a part of the platform's state, such as "champion", and returns its present
        value.
    recent : bool
        Whether the state of the sources may be up to 0.1 s old; see `hash_sources`.

    Returns
    -------
    str
        SHA-256 in hexadecimal. Empty if the results of the step must never be reused.
    """
    cells = _read_cells(workspace.notebooks / f"{step.notebook}.ipynb")
    if step.effects or cells is None:
        return ""
    files: dict[str, str] = {}
    for name in step.files:
        path = str(parameters.get(name) or "")
        if path and not find_path(path).exists():
            return ""
        files[name] = hash_path(find_path(path)) if path else ""
    needs = {name: found.results for name in step.needs if (found := run.step(name))}
    volatile = (*VOLATILE, step.takes_scheduler)
    return _hash(
        {
            "format": FORMAT,
            "notebook": cells,
            "parameters": {name: value for name, value in parameters.items() if name not in volatile},
            "files": files,
            "needs": needs,
            "watches": {name: observe(name) for name in step.watches},
            "problem": _find_problem_package(workspace.parameters / "base.yml"),
            "code": hash_sources(workspace.project / "src", recent=recent),
            "environment": describe_environment(workspace.project),
            "home": identify_home(workspace.home),
        }
    )


def _find_problem_package(base: Path) -> str:
    found = PROBLEM.search(base.read_text(encoding="utf-8")) if base.is_file() else None
    return found[1] if found else ""


def has_kept_files(step: Step, results: Mapping[str, Any]) -> bool:
    """Return whether the files that a step created for later steps still exist and are unchanged."""
    for file in step.hands_on:
        url = str(results.get(file.url, ""))
        if not url or not find_path(url).exists() or hash_path(find_path(url)) != results.get(file.sha256):
            return False
    return True


def hash_sources(folder: Path, *, recent: bool = False) -> str:
    """Return the hash of all files in the folder of the source packages, except Python's caches.

    Parameters
    ----------
    folder : Path
        The folder.
    recent : bool
        Whether the state of the files may be up to 0.1 s old. This is sufficient at the start of a step: at its end,
        the present files are hashed, and the results are reused only if both hashes are the same.
    """
    return _hash_listing(_list_sources(str(folder), recent), len(str(folder)) + 1)


def _list_sources(folder: str, recent: bool) -> Listing:
    now = time.monotonic()
    for listed, (at, files) in _listings.items() if recent else ():
        if now - at < RECENT and f"{folder}{os.sep}".startswith(f"{listed}{os.sep}"):
            return tuple(file for file in files if file[0].startswith(f"{folder}{os.sep}"))
    found, waiting = [], [folder]
    while waiting:
        for entry in _list_folder(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.is_file():
                state = entry.stat()
                found.append((entry.path, state.st_mtime_ns, state.st_size, state.st_ino))
    _listings[folder] = now, tuple(found)
    return tuple(found)


def _list_folder(folder: str) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name != "__pycache__"]
    except OSError:
        return []


@lru_cache(maxsize=4)
def _hash_listing(files: Listing, start: int) -> str:
    return _hash({file[0][start:]: _hash_cached(*file) for file in files})


@lru_cache(maxsize=10_000)
def _hash_cached(path: str, modified: int, size: int, inode: int) -> str:
    return hash_file(Path(path))


def describe_environment(project: Path) -> dict[str, Any]:
    """Return the Python version, the hash of requirements.lock, and the installed packages that are not in the lock."""
    # The packages in the file count even if they are not installed: `make test` installs more of them than `make run`,
    # and this alone must not make steps run again.
    lock, packages = project / "requirements.lock", sysconfig.get_path("purelib")
    edited = lock.stat().st_mtime_ns if lock.is_file() else 0
    return dict(_describe_installed(str(lock), edited, packages, os.stat(packages).st_mtime_ns))


@lru_cache(maxsize=4)
def _describe_installed(lock: str, edited: int, packages: str, _installed: int) -> dict[str, Any]:
    content = Path(lock).read_bytes() if edited else b""
    pins = {_normalize_pin("-".join(pin)) for pin in PIN.findall(content.decode())}
    found = (name.removesuffix(INFO) for name in os.listdir(packages) if INFO in name)
    others = sorted(name for name in found if _normalize_pin(name) not in pins and not name.startswith("pip-"))
    return {"python": sys.version, "lock": hash_content(content) if edited else "", "installed": others}


def _normalize_pin(package: str) -> str:
    # The folder of an installed package can have dots in its name: backports.tempfile-1.0.
    name, _, version = package.rpartition("-")
    return f"{re.sub('[-_.]+', '_', name).lower()}-{version}"


def identify_home(home: Path) -> str:
    """Return the id of the folder MLOPS_HOME. The first call creates the id."""
    mark_home(home)
    path = home / "id"
    if not path.exists():
        write_atomically(path, secrets.token_hex(16))
    # A damaged id is replaced with a new id, so all steps run again.
    return read_content(path).decode(errors="replace")


def _read_cells(notebook: Path) -> list[tuple[str, str]] | None:
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):  # it is damaged, or JupyterLab is saving it
        return None  # the step reports the error


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
