"""The lock that keeps `mlops prune` from deleting runs that a run in progress may reuse."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops.errors import UsageError

LOCK = ".runs.lock"  # a file in the folder of all runs


@contextmanager
def share_runs(outputs: Path) -> Iterator[None]:
    """Hold the lock, shared with other runs; wait while old runs are being deleted.

    The operating system releases it when the process ends, however it ends.

    Parameters
    ----------
    outputs : Path
        The folder of all runs. If it does not exist yet, there is nothing to lock.
    """
    if not outputs.is_dir():
        yield
        return
    with open(outputs / LOCK, "a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def claim_runs(outputs: Path) -> Iterator[None]:
    """Hold the lock exclusively.

    Raises
    ------
    UsageError
        If a run is in progress.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    with open(outputs / LOCK, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"A run is in progress in {outputs}. Wait until it ends, then try again.") from None
        yield
