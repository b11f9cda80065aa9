"""Runs in the background: their processes, and the record and log of each in its folder."""

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
CANCEL_SECONDS = 20.0  # time for a process to end before it is killed


@dataclass(frozen=True)
class BackgroundRun:
    """A run in the background: its process, the time of submission, version, tags, and place in the order of runs."""

    process: ProcessId
    submitted: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    order: int = 0


def start_process(command: Sequence[str], workspace: Workspace, folder: Path) -> ProcessId:
    """Start a command in a new session, so that it outlives this process; its output goes to the log in `folder`."""
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
    """Ask a process to end, and kill it if it does not; one that ended is left alone."""
    if not process.alive:
        return
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + CANCEL_SECONDS
    while process.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.alive:
        os.kill(process.pid, signal.SIGKILL)
