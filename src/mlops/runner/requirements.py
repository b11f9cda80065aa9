"""The checks before a run: notebooks can be executed, data files exist, and the outputs folder can be written to."""

import logging
import os
import re
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlops.data.location import require_file
from mlops.errors import UsageError
from mlops.execution.source import require_sources
from mlops.pipelines.step import Step
from mlops.record.run_lock import describe_unwritable
from mlops.workspace import Workspace

# The least limits with which all steps of the sample project succeeded: with 2 GB, 64 files and 25 processes, steps
# failed. The number of processes includes those that the user already runs.
MEMORY, FILES, PROCESSES = 3_000_000_000, 128, 60
logger = logging.getLogger(__name__)


def require_runnable(steps: Iterable[Step], values: Mapping[str, Mapping[str, Any]], workspace: Workspace) -> None:
    """Check the notebooks, data files and folders that steps need. Warn if a limit of this process is too low.

    Parameters
    ----------
    steps : iterable of Step
        The steps that are about to run.
    values : mapping
        The parameters of each step's notebook, by the name of the step.
    workspace : Workspace
        The folders of the project.

    Raises
    ------
    UsageError
        If a notebook cannot be executed, if a file that a parameter names does not exist, or if the outputs folder
        cannot be created or written to.
    """
    steps = list(steps)
    require_sources(workspace.notebooks / f"{name}.ipynb" for name in dict.fromkeys(step.notebook for step in steps))
    require_files(steps, values)
    _require_folder(workspace.outputs)
    _warn_of_limit("The memory of a process", "ulimit -v", resource.RLIMIT_AS, MEMORY)
    _warn_of_limit("The number of open files", "ulimit -n", resource.RLIMIT_NOFILE, FILES)
    _warn_of_limit("The number of processes", "ulimit -u", resource.RLIMIT_NPROC, PROCESSES)


def require_files(steps: Iterable[Step], values: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise an error if a parameter names a file that does not exist.

    `values` has the parameters of each step, by the name of the step.

    Raises
    ------
    UsageError
        If a file does not exist.
    """
    for step in steps:
        for name in step.files:
            require_file(str(values[step.name].get(name) or ""), f"{step.name}.{name}")


def require_new(run_id: str, outputs: Path) -> None:
    """Raise an error if the name of a new run is invalid, or belongs to another run.

    Raises
    ------
    UsageError
        If the name cannot be used.
    """
    if not re.fullmatch(r"\w[\w.-]*", run_id):
        raise UsageError(
            f"{run_id!r} cannot be the name of a run. Use letters, digits, _, - and ., but begin with a letter, a "
            "digit or _."
        )
    if (outputs / run_id / "run.json").exists():
        raise UsageError(f"Run {run_id} exists already. Choose another name, or run `mlops resume {run_id}`.")


def _require_folder(outputs: Path) -> None:
    try:
        outputs.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(outputs, os.W_OK | os.X_OK) else "Permission denied"
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise UsageError(describe_unwritable(outputs, reason))


def _warn_of_limit(what: str, command: str, name: int, least: int) -> None:
    limit, _ = resource.getrlimit(name)
    if limit == resource.RLIM_INFINITY or limit >= least:
        return
    found, needed = (f"{n / 1e9:.1f} GB" if name == resource.RLIMIT_AS else str(n) for n in (limit, least))
    logger.warning(
        "%s is limited to %s, but a run needs %s. Raise the limit (`%s`) if a step fails.", what, found, needed, command
    )
