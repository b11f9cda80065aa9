"""The lineage of a result: the commit and the notebook that produced it."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mlops.errors import RunNotFoundError
from mlops.files.hashes import hash_file
from mlops.record.ledger import read_run
from mlops.workspace import Workspace

COMMIT = "MLOPS_GIT_COMMIT"
UNKNOWN = "unknown"
# Git sets these variables while it runs a hook. They would make git use another repository.
OTHER_REPOSITORY = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE"),
}
STATUS = ("--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no")


class Commit(NamedTuple):
    """The commit of a project.

    Parameters
    ----------
    name : str
        The hash of the commit, followed by ``-dirty`` if tracked files differ from the commit; or "unknown".
    problem : str
        The reason why the commit is unknown; empty if it is known.
    """

    name: str
    problem: str = ""


@dataclass(frozen=True)
class Lineage:
    """The commit and the notebook that produced a result.

    Parameters
    ----------
    git_commit : str
        The hash of the commit, or "unknown".
    notebook : str
        The path of the notebook, relative to the project.
    notebook_sha256 : str
        The SHA-256 of the notebook.
    """

    git_commit: str
    notebook: str
    notebook_sha256: str


def describe_code(workspace: Workspace, notebook: str) -> Lineage:
    """Return the commit of the project and the hash of the running notebook.

    Parameters
    ----------
    workspace : Workspace
        The project.
    notebook : str
        The file name of the running notebook, without the extension, such as "02_train".
    """
    path = workspace.notebooks / f"{notebook}.ipynb"
    return Lineage(read_commit(workspace.project), path.relative_to(workspace.project).as_posix(), hash_file(path))


def describe_notebooks(workspace: Workspace, notebooks: Iterable[str], run_folder: str = "") -> dict[str, str]:
    """Return a mapping from the path of each notebook, relative to the project, to its SHA-256 when it ran.

    Parameters
    ----------
    workspace : Workspace
        The project.
    notebooks : iterable of str
        The file names of the notebooks, without the extension, such as "02_train".
    run_folder : str
        The folder of the run whose record has the hashes. Empty to hash the present files.
    """
    recorded = _read_recorded_hashes(run_folder)
    paths = {notebook: workspace.notebooks / f"{notebook}.ipynb" for notebook in notebooks}
    return {
        path.relative_to(workspace.project).as_posix(): recorded.get(notebook) or hash_file(path)
        for notebook, path in paths.items()
    }


def _read_recorded_hashes(run_folder: str) -> dict[str, str]:
    if not run_folder:
        return {}
    try:
        return {step.notebook: step.notebook_sha256 for step in read_run(Path(run_folder)).steps}
    except RunNotFoundError:
        return {}


def name_build(run_folder: str) -> str:
    """Return the build id that is recorded with results: the id of the run, or "interactive" outside of a run."""
    return Path(run_folder).name or "interactive"


def read_commit(project: Path) -> str:
    """Return the checked-out commit of a project's git repository, or "unknown"."""
    if (project / ".git").exists():
        return find_commit(project).name
    return os.environ.get(COMMIT) or UNKNOWN  # finding the reason takes two more calls of git (5 ms)


def find_commit(project: Path) -> Commit:
    """Return the checked-out commit of the project's git repository.

    Repositories in parent folders are ignored. If the project has no repository, the environment variable
    ``MLOPS_GIT_COMMIT`` gives the commit.
    """
    named = os.environ.get(COMMIT, "")
    commit, problem = _ask_commit(project)
    if commit:
        return Commit(commit)
    return Commit(named) if named else Commit(UNKNOWN, problem)


def _ask_commit(project: Path) -> tuple[str, str]:
    if shutil.which("git") is None:
        return "", "git is not installed"
    state, problem = _ask_git(project, "status", *STATUS, ceiling=str(project.resolve().parent))
    if problem == _say_none(project):
        return "", _describe_parent_repository(project) or problem
    if problem:
        return "", problem
    headers = dict(line[2:].split(" ", 1) for line in state.splitlines() if line.startswith("# "))
    commit = headers["branch.oid"]
    if commit == "(initial)":
        return "", f"the repository {project} has no commit yet"
    changed = len(headers) < len(state.splitlines())
    return f"{commit}-dirty" if changed else commit, ""


def _describe_parent_repository(project: Path) -> str:
    root, _ = _ask_git(project, "rev-parse", "--show-toplevel")
    said = f"{project} is a folder inside the repository {root}, whose commits may not include it"
    return said if root else ""


def _ask_git(project: Path, *words: str, ceiling: str = "") -> tuple[str, str]:
    environ = {name: value for name, value in os.environ.items() if name not in OTHER_REPOSITORY}
    if ceiling:
        environ["GIT_CEILING_DIRECTORIES"] = ceiling
    command = ["git", "--no-optional-locks", "-C", str(project), *words]  # git must not write while it only reads
    asked = subprocess.run(command, env={**environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    answer, said = asked.stdout.strip(), asked.stderr.strip()
    if asked.returncode == 0 or not said:
        return answer, ""
    if "dubious ownership" in said:
        trust = f"git config --global --add safe.directory {project}"
        return "", f"{project} belongs to another user. If you trust it, run `{trust}`"
    if "not a git repository" in said:
        return "", _say_none(project)
    return "", f"git said: {said.splitlines()[0]}"


def _say_none(project: Path) -> str:
    return f"{project} is not a git repository"
