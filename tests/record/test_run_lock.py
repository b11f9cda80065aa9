"""The lock of the folder of runs, when that folder cannot be used."""

from pathlib import Path

import pytest

from mlops.errors import UsageError
from mlops.record.run_lock import LOCK, claim_runs, share_runs


@pytest.mark.parametrize("take", [share_runs, claim_runs])
def test_a_lock_that_cannot_be_opened_is_an_error_about_the_folder(take: type[share_runs], tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(UsageError) as raised, take(tmp_path):
        pass
    assert str(raised.value) == (
        f"Cannot write to the folder of the runs, {tmp_path} (Is a directory). Set MLOPS_OUTPUTS to another folder."
    )


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match=r"the runs, .*/file/outputs \(Not a directory\)"),
        claim_runs(tmp_path / "file/outputs"),
    ):
        pass
