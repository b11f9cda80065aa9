"""A deleted file or folder is either complete or deleted."""

from pathlib import Path

import pytest

from mlops.files.atomic import write_atomically
from mlops.record.removal import finish_removals, measure_size, remove_whole


def test_what_is_removed_is_gone_at_once_and_what_a_crash_leaves_goes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "run" / "run.json", "{}")
    write_atomically(tmp_path / "log", "")
    remove_whole(tmp_path / "log")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    with monkeypatch.context() as crashing:
        crashing.setattr("shutil.rmtree", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            remove_whole(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert list(tmp_path.glob("*/run.json")) == []
    finish_removals(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    write_atomically(tmp_path / "folder" / "inside" / "a", "abc")
    write_atomically(tmp_path / "folder" / "b", "de")
    assert [measure_size(path) for path in (tmp_path / "folder", tmp_path / "folder" / "b")] == [5, 2]
