"""The background processes that execute submitted runs."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mlops.record.processes import ProcessId, identify_process
from mlops.workspace import Workspace

LOG, SUBMISSION = "submitted.log", "submitted.json"
CANCEL_SECONDS = 20.0  # time that a process has to end before it is killed


@dataclass(frozen=True)
class BackgroundRun:
    """The record of a submitted run, which is stored in the folder of the run.

    Parameters
    ----------
    process : ProcessId
        The process that executes the run.
    submitted : str
        The time of the submission, in UTC as ISO 8601.
    version : str
        The id of the build that published the pipeline.
    tags : mapping of str to str
        The tags that record the origin of the run.
    order : int
        A number that is larger than those of all earlier runs. Lists of runs are sorted by it.
    """

    process: ProcessId
    submitted: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    order: int = 0


def start_process(command: Sequence[str], workspace: Workspace, folder: Path) -> ProcessId:
    """Start a command that outlives this process, and return its `ProcessId`. Its output goes to a log in `folder`."""
    environ = {**os.environ, "MLOPS_HOME": str(workspace.home), "MLOPS_OUTPUTS": str(workspace.outputs)}
    with open(folder / LOG, "ab") as log:
        process = subprocess.Popen(
            command,
            cwd=workspace.project,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return identify_process(process.pid)


def stop_process(process: ProcessId) -> None:
    """End a process: ask it to stop, and kill it after `CANCEL_SECONDS`. Do nothing if it is not running."""
    if not process.alive:
        return
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + CANCEL_SECONDS
    while process.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.alive:
        os.kill(process.pid, signal.SIGKILL)
