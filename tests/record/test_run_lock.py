"""The lock of the folder of runs, when that folder cannot be used."""

import errno
import fcntl
import os
from pathlib import Path
from typing import TextIO

import pytest

from mlops.errors import UsageError
from mlops.record.run_lock import LOCK, claim_runs, describe_unwritable, share_runs


@pytest.mark.parametrize("take", [share_runs, claim_runs])
def test_a_lock_that_cannot_be_opened_is_an_error_about_the_folder(take: type[share_runs], tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(UsageError) as raised, take(tmp_path):
        pass
    assert str(raised.value) == (
        f"Cannot write to the folder of the runs, {tmp_path} (Is a directory). Set MLOPS_OUTPUTS to another folder."
    )


@pytest.mark.parametrize("take", [share_runs, claim_runs])
def test_the_lock_works_on_a_network_file_system(
    take: type[share_runs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS locks what is open for writing, and shares what is open for reading."""
    opened = []

    def lock(file: TextIO, operation: int) -> None:
        opened.append(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(fcntl, "flock", lock)
    with take(tmp_path):
        assert opened == [os.O_RDWR]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match=r"the runs, .*/file/outputs \(Not a directory\)"),
        claim_runs(tmp_path / "file/outputs"),
    ):
        pass


@pytest.mark.parametrize("call", ["builtins.open", "pathlib.Path.mkdir"])
@pytest.mark.parametrize("take", [share_runs, claim_runs])
def test_a_read_only_file_system_is_an_error_about_the_folder(
    take: type[share_runs], call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(call, refuse)
        with pytest.raises(UsageError) as raised, take(tmp_path):
            pass
    assert str(raised.value) == describe_unwritable(tmp_path, "Read-only file system")


def test_a_full_disk_is_not_an_unwritable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", refuse)
        with pytest.raises(OSError, match="No space left"), claim_runs(tmp_path):
            pass
