"""Fingerprints: one hash of everything that a step's results depend on."""

import hashlib
import json
import os
import re
import secrets
import sys
import sysconfig
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlops.files.atomic import write_atomically
from mlops.files.hashes import hash_file, hash_path
from mlops.files.records import read_content
from mlops.files.urls import find_path
from mlops.parameters.lookup import RUN_FOLDER, SWEEP_TRACKING
from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord
from mlops.workspace import Workspace, mark_home

FORMAT = 1  # part of the fingerprint; a higher number invalidates all older fingerprints
INFO = ".dist-info"
PROBLEM = re.compile(r"^problem:\s*['\"]?(\w+)", re.MULTILINE)  # a line of base.yml; reading it as YAML takes 5 ms
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)
VOLATILE = (RUN_FOLDER, SWEEP_TRACKING)  # parameters that differ from run to run without affecting results

Observe = Callable[[str], str]


def fingerprint_step(
    step: Step, parameters: Mapping[str, Any], run: RunRecord, workspace: Workspace, observe: Observe
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
        Takes the name of something that steps read, such as "champion", and returns its present state.

    Returns
    -------
    str
        SHA-256 in hexadecimal. Empty if the results of the step must never be reused.
    """
    if step.effects:
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
            "notebook": _read_cells(workspace.notebooks / f"{step.notebook}.ipynb"),
            "parameters": {name: value for name, value in parameters.items() if name not in volatile},
            "files": files,
            "needs": needs,
            "watches": {name: observe(name) for name in step.watches},
            "problem": _find_problem_package(workspace.parameters / "base.yml"),
            "code": hash_sources(workspace.project / "src"),
            "environment": describe_environment(workspace.project),
            "home": identify_home(workspace.home),
        }
    )


def _find_problem_package(base: Path) -> str:
    found = PROBLEM.search(base.read_text(encoding="utf-8")) if base.is_file() else None
    return found[1] if found else ""


def has_kept_files(step: Step, results: Mapping[str, Any]) -> bool:
    """Return whether the files that the results of a step refer to still exist and are unchanged."""
    for file in step.hands_on:
        url = str(results.get(file.url, ""))
        if not url or not find_path(url).exists() or hash_path(find_path(url)) != results.get(file.sha256):
            return False
    return True


def hash_sources(folder: Path) -> str:
    """Return the hash of all files in the folder of the source packages, except Python's caches."""
    hashes, start, waiting = dict[str, str](), len(str(folder)) + 1, [str(folder)]
    while waiting:
        for entry in _list_folder(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.is_file():
                found = entry.stat()
                hashes[entry.path[start:]] = _hash_cached(entry.path, found.st_mtime_ns, found.st_size, found.st_ino)
    return _hash(hashes)


def _list_folder(folder: str) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name != "__pycache__"]
    except OSError:
        return []


@lru_cache(maxsize=10_000)
def _hash_cached(path: str, modified: int, size: int, inode: int) -> str:
    return hash_file(Path(path))


def describe_environment(project: Path) -> dict[str, Any]:
    """Return the interpreter, the hash of requirements.lock, and the installed packages that are not in that file."""
    # `make test` installs more of the listed packages than `make run`. This alone must not make steps run again.
    lock = project / "requirements.lock"
    pins = _read_pins(str(lock), lock.stat().st_mtime_ns) if lock.is_file() else frozenset()
    found = (name.removesuffix(INFO) for name in os.listdir(sysconfig.get_path("purelib")) if INFO in name)
    others = sorted(name for name in found if _normalize_pin(name) not in pins and not name.startswith("pip-"))
    return {"python": sys.version, "lock": hash_file(lock) if lock.is_file() else "", "installed": others}


@lru_cache(maxsize=10)
def _read_pins(lock: str, modified: int) -> frozenset[str]:
    return frozenset(_normalize_pin("-".join(pin)) for pin in PIN.findall(Path(lock).read_text(encoding="utf-8")))


def _normalize_pin(package: str) -> str:
    # Some folders of installed packages have a dot in the name: backports.tempfile-1.0.
    name, _, version = package.rpartition("-")
    return f"{re.sub('[-_.]+', '_', name).lower()}-{version}"


def identify_home(home: Path) -> str:
    """Return the id of the folder MLOPS_HOME. The first call creates the id."""
    mark_home(home)
    path = home / "id"
    if not path.exists():
        write_atomically(path, secrets.token_hex(16))
    # A damaged id is replaced with a new one, so every step runs again.
    return read_content(path).decode(errors="replace")


def _read_cells(notebook: Path) -> list[tuple[str, str]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
