"""The program `mlops`."""

# Importing the command line takes seconds. The parent of the warm kernels, a background process, has already imported
# it. If the parent is running, the command runs in a fork of the parent. Otherwise, the command runs in this process,
# and if it runs notebooks, it starts a parent in the background for later commands.
#
# This module imports the other modules of `mlops` only inside functions, so that Ctrl-C during an import does not print
# a traceback.

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
STAYS = "kernels"  # this command never runs in a fork, because it can end the parent and all its forks


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        _run()
    except KeyboardInterrupt:  # raised before the command line handles Ctrl-C itself
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
    """Open the null device for each closed standard stream, so that no other file gets the stream's descriptor."""
    while (found := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        pass
    os.close(found)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the stream is closed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the program ends


def _run_forked() -> int | None:
    """Run the command in a fork of a background process. Return the exit code, or None if no fork can run it."""
    from mlops.kernels.parent_client import run_command
    from mlops.kernels.socket_folder import UnavailableError

    connection = _find_parent()
    try:
        return run_command(connection, ENTRY, sys.argv) if connection else None
    except UnavailableError:
        return None  # the fork was not created


def _find_parent() -> Connection | None:
    """Return a connection to the background process that runs commands in forks, or None if it cannot be used."""
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
        return None  # the error is reported by the command line, or when a kernel starts
    return connection


if __name__ == "__main__":
    main()
