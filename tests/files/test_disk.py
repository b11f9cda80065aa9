"""A full disk: one sentence, whichever function found it."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from mlops.errors import PlatformError
from mlops.files.disk import explain_full_disk

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "file")
OTHER = OSError(errno.EACCES, os.strerror(errno.EACCES), "file")


@pytest.mark.parametrize(
    "error", [FULL, OSError(errno.EDQUOT, "quota"), shutil.Error([("from", "to", str(FULL)), ("from", "to", "x")])]
)
def test_a_full_disk_is_explained(error: OSError, tmp_path: Path) -> None:
    said = f"The disk of {tmp_path} is full. Free some space and try again."
    with pytest.raises(PlatformError, match=f"^{said}$"), explain_full_disk(tmp_path):
        raise error


@pytest.mark.parametrize("error", [OTHER, shutil.Error([("from", "to", str(OTHER))])])
def test_other_errors_stay_as_they_are(error: OSError, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="denied"), explain_full_disk(tmp_path):
        raise error
