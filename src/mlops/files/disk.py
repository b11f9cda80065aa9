"""Full disks: a check of the free space, and an error that says what to do."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops.errors import PlatformError

FULL = (errno.ENOSPC, errno.EDQUOT)
LEAST = 65_536  # bytes; with less free space, a program can hardly write its log


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Replace the error of a ``with`` statement that fails because a disk is full. The new error says what to do.

    Parameters
    ----------
    folder : Path
        The folder to which the caller writes, for the message.

    Raises
    ------
    PlatformError
        If the disk is full, or a quota is used up.
    """
    try:
        yield
    except OSError as error:
        if not _names_full_disk(error):
            raise
        raise PlatformError(f"The disk of {folder} is full. Free some space and try again.") from error


def is_full(folder: Path) -> bool:
    """Return whether the disk that contains a folder has almost no free space."""
    return shutil.disk_usage(folder).free < LEAST


def _names_full_disk(error: OSError) -> bool:
    if isinstance(error, shutil.Error):  # from shutil.copytree, which has the errors only as text
        return any(os.strerror(code) in str(error) for code in FULL)
    return error.errno in FULL
