"""What the results of a step depend on, as one hash: the same hash, the same results."""

import hashlib
import json
import os
import secrets
import sys
import sysconfig
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlops.files import find_path, hash_file, hash_path, read_content, write_atomically
from mlops.pipelines import Step
from mlops.record.ledger import RunRecord, StepRecord
from mlops.workspace import Workspace, mark_home

FORMAT = 1  # of the fingerprint: a change of what goes in makes every old one void
VOLATILE = ("run_folder", "sweep")  # they differ from run to run and change no result

Observe = Callable[[str], str]


def fingerprint_step(
    step: Step, parameters: Mapping[str, Any], run: RunRecord, workspace: Workspace, observe: Observe
) -> str:
    """Return the hash of all that a step's results depend on.

    That is: its notebook's cells, its parameters, the content of its files, the results of the steps that it needs,
    what it watches, the source packages, the installed packages, and which MLOPS_HOME it works on.

    Parameters
    ----------
    step : Step
        The step.
    parameters : mapping
        What its notebook is given.
    run : RunRecord
        Has the results of the steps that it needs.
    workspace : Workspace
        The project.
    observe : callable
        Returns the present state of what a step `watches`: "champion".

    Returns
    -------
    str
        SHA-256 in hexadecimal; empty for a step whose results must never be taken over: one with effects, or one
        that reads what cannot be hashed here (a URL, a file that is not there).
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
    return _hash(
        {
            "format": FORMAT,
            "notebook": _read_cells(workspace.notebooks / f"{step.notebook}.ipynb"),
            "parameters": {name: value for name, value in parameters.items() if name not in VOLATILE},
            "files": files,
            "needs": needs,
            "watches": {name: observe(name) for name in step.watches},
            "code": hash_sources(workspace.project / "src"),
            "environment": describe_environment(workspace.project),
            "home": identify_home(workspace.home),
        }
    )


def has_kept_files(step: StepRecord) -> bool:
    """Say whether the files that a step handed on, each with its hash, are still what they were.

    A step hands on a file as two results, ``<name>_path`` and ``<name>_sha256``.
    """
    for name, expected in step.results.items():
        if name.endswith("_sha256"):
            url = str(step.results.get(name.replace("_sha256", "_path"), ""))
            if not url or not find_path(url).exists() or hash_path(find_path(url)) != expected:
                return False
    return True


def hash_sources(folder: Path) -> str:
    """Return the hash of the source packages: every file but Python's own caches."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return _hash({path.relative_to(folder).as_posix(): _hash_once(path, *_sign(path)) for path in files})


def _sign(path: Path) -> tuple[int, int, int]:
    """Return what differs once a file has been written again."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=10_000)
def _hash_once(path: Path, modified: int, size: int, inode: int) -> str:
    """Hash a file, once for as long as it is not written again: a run asks twice for each of its steps."""
    return hash_file(path)


def describe_environment(project: Path) -> dict[str, Any]:
    """Return what is installed: the interpreter, the lock, and the packages by name and version."""
    lock = project / "requirements.lock"
    installed = sorted(name for name in os.listdir(sysconfig.get_path("purelib")) if name.endswith(".dist-info"))
    return {"python": sys.version, "lock": hash_file(lock) if lock.is_file() else "", "installed": installed}


def identify_home(home: Path) -> str:
    """Return the id of a MLOPS_HOME, made on first use: a home that was deleted and made again has another one."""
    mark_home(home)
    path = home / "id"
    if not path.exists():
        write_atomically(path, secrets.token_hex(16))
    return read_content(path).decode(errors="replace")  # a damaged one is another id: every step runs again


def _read_cells(notebook: Path) -> list[tuple[str, str]]:
    """Return kind and source of a notebook's cells: outputs and layout change no result."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
