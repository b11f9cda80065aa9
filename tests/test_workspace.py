"""The format number of MLOPS_HOME."""

from pathlib import Path

import pytest

from mlops.errors import FormatError, IntegrityError
from mlops.workspace import HOME_FORMAT, check_home, mark_home, read_home_format


def test_a_home_without_a_number_is_format_1_and_reading_leaves_it_so(tmp_path: Path) -> None:
    check_home(tmp_path / "home")
    assert read_home_format(tmp_path / "home") == 1
    assert list(tmp_path.iterdir()) == []


def test_writing_marks_a_home_once(tmp_path: Path) -> None:
    mark_home(tmp_path / "home")
    mark = tmp_path / "home" / "format"
    made = mark.stat().st_ino
    mark_home(tmp_path / "home")
    assert (mark.read_text(), mark.stat().st_ino) == (f"{HOME_FORMAT}\n", made)


def test_an_older_engine_refuses_a_newer_home_and_writes_nothing(tmp_path: Path) -> None:
    mark_home(tmp_path, newest=2)
    for work in (check_home, mark_home):
        with pytest.raises(FormatError) as refused:
            work(tmp_path, newest=1)
        assert str(refused.value) == (
            f"The home {tmp_path} has format 2, but this version reads up to format 1. "
            "Nothing was changed. Update the checkout and run `make setup`."
        )
    assert (tmp_path / "format").read_text() == "2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["format"]


def test_a_damaged_number_is_not_taken_for_a_format(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("two")
    with pytest.raises(IntegrityError, match=r"format is damaged: it must contain a format number\. Restore it"):
        check_home(tmp_path)
