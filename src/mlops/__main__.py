"""The program `mlops`: the command line, in a fork of the warm kernels' parent where there is one.

What the command line imports takes seconds, and the parent has imported it already. Without a parent the command runs
in this process; one that runs notebooks has the parent started meanwhile.
"""

import os
import signal
import sys

from mlops.errors import MlopsError
from mlops.kernels.messages import Channel
from mlops.kernels.parent_client import connect, find_key, run_command, start_parent
from mlops.kernels.socket_folder import UnavailableError

ENTRY = "mlops.cli:run_program"
RUNS_NOTEBOOKS = ("run", "resume", "sweep")
STANDARD_ERROR = 2
STAYS = "kernels"  # it may end the parent, and must not go with it


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        _run()
    except KeyboardInterrupt:  # before the command line was there to say so
        print("mlops: interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def _run() -> None:
    _open_standard_files()
    code = _run_forked()
    if code is not None:
        if code == -signal.SIGKILL:
            print(
                "mlops: The command was killed, or the parent of the warm kernels ended. See `mlops status`.",
                file=sys.stderr,
            )
        sys.exit(code if code >= 0 else 128 - code)
    from mlops.cli import run_program

    run_program()


def _open_standard_files() -> None:
    """Open the null device for each standard file that the caller has closed, before something else gets its number."""
    while (found := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        pass
    os.close(found)


def _run_forked() -> int | None:
    """Run the command in a fork and return its exit code, or None where it is to run in this process."""
    channel = _find_parent()
    try:
        return run_command(channel, ENTRY, sys.argv) if channel else None
    except UnavailableError:
        return None  # nothing was forked


def _find_parent() -> Channel | None:
    """Connect to a parent that is ready; where there is none, have one started for the notebooks to come."""
    try:
        key = find_key()
        if key is None or sys.argv[1:2] == [STAYS]:
            return None
        channel = connect(key, start=False)
        if channel is None and sys.argv[1:2] and sys.argv[1] in RUNS_NOTEBOOKS:
            start_parent(key)
    except (UnavailableError, MlopsError, OSError):
        return None  # starting a kernel reports it, and the command line reports wrong settings
    return channel


if __name__ == "__main__":
    main()
