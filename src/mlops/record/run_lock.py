"""The lock that keeps `mlops prune` from deleting runs while another run may use them."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mlops.errors import UsageError

LOCK = ".runs.lock"  # the lock file, in the folder of all runs
UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


@contextmanager
def share_runs(outputs: Path) -> Iterator[None]:
    """Prevent `mlops prune` from deleting runs during a ``with`` statement.

    If `mlops prune` is deleting runs, wait until it has finished.

    Parameters
    ----------
    outputs : Path
        The folder of all runs, which may be missing.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    if not outputs.is_dir():
        yield
        return
    with _open_lock(outputs) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def claim_runs(outputs: Path) -> Iterator[None]:
    """Prevent runs from starting during a ``with`` statement.

    Raises
    ------
    UsageError
        If a run is in progress, or the folder cannot be written to.
    """
    with _open_lock(outputs) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"A run is in progress in {outputs}. Wait until it ends, then try again.") from None
        yield


def describe_unwritable(outputs: Path, reason: str) -> str:
    """Return the error message for a folder of runs that cannot be written to."""
    return f"Cannot write to the folder of the runs, {outputs} ({reason}). Set MLOPS_OUTPUTS to another folder."


def _open_lock(outputs: Path) -> TextIO:
    try:
        outputs.mkdir(parents=True, exist_ok=True)
        return open(outputs / LOCK, "a+")  # a shared lock on NFS needs a file that is open for reading
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise UsageError(describe_unwritable(outputs, str(error.strerror))) from error
