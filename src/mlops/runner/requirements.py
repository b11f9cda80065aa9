"""The requirements of a run: notebooks that can be executed, existing data files, and a folder for the outputs."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlops.data.location import require_file
from mlops.errors import UsageError
from mlops.execution.source import require_sources
from mlops.pipelines.step import Step
from mlops.record.run_lock import describe_unwritable
from mlops.workspace import Workspace


def require_runnable(steps: Iterable[Step], values: Mapping[str, Mapping[str, Any]], workspace: Workspace) -> None:
    """Refuse steps that would fail for a reason that is known before they run.

    Parameters
    ----------
    steps : iterable of Step
        The steps that are going to run.
    values : mapping
        The parameters of each step.
    workspace : Workspace
        The folders of the project.

    Raises
    ------
    UsageError
        If a notebook cannot be executed, a file that a parameter names does not exist, or the folder of outputs cannot
        be created or written to. Nothing was written.
    """
    steps = list(steps)
    require_sources(workspace.notebooks / f"{name}.ipynb" for name in dict.fromkeys(step.notebook for step in steps))
    require_files(steps, values)
    _require_folder(workspace.outputs)


def require_files(steps: Iterable[Step], values: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse steps if one of their parameters names a file that does not exist; `values` has the parameters by step.

    Raises
    ------
    UsageError
        If there is such a step.
    """
    for step in steps:
        for name in step.files:
            require_file(str(values[step.name].get(name) or ""), f"{step.name}.{name}")


def require_new(run_id: str, outputs: Path) -> None:
    """Refuse a run's name if it is invalid, or if another run has it.

    Raises
    ------
    UsageError
        If the name is refused.
    """
    if not re.fullmatch(r"\w[\w.-]*", run_id):
        raise UsageError(
            f"{run_id!r} cannot name a run. Begin with a letter, a digit or _, and use only these, - and ."
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
