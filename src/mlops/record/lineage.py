"""Where a result came from: commit, notebook, build."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlops.files import hash_file
from mlops.workspace import Workspace

COMMIT = "MLOPS_GIT_COMMIT"


@dataclass(frozen=True)
class Lineage:
    """The code behind a result.

    Parameters
    ----------
    git_commit : str
        The commit, with ``-dirty`` behind it where tracked files differ from it; "unknown" outside of git.
    notebook : str
        The notebook's path in the project.
    notebook_sha256 : str
        Its hash.
    """

    git_commit: str
    notebook: str
    notebook_sha256: str


def describe_code(workspace: Workspace, notebook: str) -> Lineage:
    """Describe the code that runs now.

    Parameters
    ----------
    workspace : Workspace
        The project.
    notebook : str
        Name of the running notebook, without its folder and ending: "02_train".
    """
    path = workspace.notebooks / f"{notebook}.ipynb"
    return Lineage(read_commit(workspace.project), path.relative_to(workspace.project).as_posix(), hash_file(path))


def describe_notebooks(workspace: Workspace, notebooks: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of notebooks by their path in the project."""
    found = (describe_code(workspace, notebook) for notebook in notebooks)
    return {code.notebook: code.notebook_sha256 for code in found}


def name_build(run_folder: str) -> str:
    """Return the build id of a run that no CI build started: the run's own name, or "interactive" in JupyterLab."""
    return Path(run_folder).name or "interactive"


def read_commit(project: Path) -> str:
    """Return the commit that `project` has checked out, or "unknown" where git cannot tell.

    On a machine that has the sources without their history, ``MLOPS_GIT_COMMIT`` tells.
    """
    unknown = os.environ.get(COMMIT) or "unknown"
    if shutil.which("git") is None:
        return unknown

    def ask(*words: str) -> str | None:
        answer = subprocess.run(["git", "-C", str(project), *words], capture_output=True, text=True, check=False)
        return answer.stdout.strip() if answer.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if not commit:
        return unknown
    return f"{commit}-dirty" if ask("status", "--porcelain", "--untracked-files=no") else commit
