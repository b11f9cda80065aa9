"""The program `mlops`.

Importing the command line takes seconds. If the parent process of the warm kernels is running, it has already imported
the command line, so the command runs in a fork of the parent. Otherwise, the command runs in this process. If it runs
notebooks, it also starts a parent in the background, for the next commands.

The other modules of `mlops` are imported inside the functions, where Ctrl-C during an import causes no traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.kernels.parent_client import Connection

ENTRY = "mlops.cli:run_program"
RUNS_NOTEBOOKS = ("run", "resume", "sweep")
STANDARD_ERROR = 2
STAYS = "kernels"  # never runs in a fork, because it can end the parent with all forks


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        _run()
    except KeyboardInterrupt:  # before the command line handles Ctrl-C itself
        print("mlops: interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def _run() -> None:
    _open_standard_files()
    code = _run_forked()
    if code is not None:
        if code == -signal.SIGKILL:
            print(
                "mlops: The command was killed, or the parent of the warm kernels ended. Check `mlops status`.",
                file=sys.stderr,
            )
        sys.exit(code if code >= 0 else 128 - code)
    from mlops.cli import run_program

    run_program()


def _open_standard_files() -> None:
    """Open the null device for closed standard streams, so that no other file gets their descriptors."""
    while (found := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        pass
    os.close(found)


def _run_forked() -> int | None:
    """Run the command in a fork and return its exit code. Return None if the command must run in this process."""
    from mlops.kernels.parent_client import run_command
    from mlops.kernels.socket_folder import UnavailableError

    connection = _find_parent()
    try:
        return run_command(connection, ENTRY, sys.argv) if connection else None
    except UnavailableError:
        return None  # the fork was not created


def _find_parent() -> Connection | None:
    """Return a connection to a parent process that is ready, or None.

    If no parent is ready and the command runs notebooks, start a parent in the background.
    """
    from mlops.errors import MlopsError
    from mlops.kernels.parent_client import connect, find_key, start_parent
    from mlops.kernels.socket_folder import UnavailableError

    try:
        key = find_key()
        if key is None or sys.argv[1:2] == [STAYS]:
            return None
        connection = connect(key, start=False)
        if connection is None and sys.argv[1:2] and sys.argv[1] in RUNS_NOTEBOOKS:
            start_parent(key)
    except (UnavailableError, MlopsError, OSError):
        return None  # reported by the command line, or when a kernel starts
    return connection


if __name__ == "__main__":
    main()
