"""The folders of a project, and the format number of MLOPS_HOME."""

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from mlops.errors import FormatError, IntegrityError, UsageError
from mlops.workspace import HOME_FORMAT, check_home, find_workspace, mark_home, read_home_format


@pytest.mark.parametrize("variable", ["MLOPS_HOME", "MLOPS_OUTPUTS"])
def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, project: Path, variable: str) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for named in (file, file / "inside"):
        with pytest.raises(UsageError) as refused:
            find_workspace({variable: str(named)}, project)
        assert str(refused.value) == f"{variable} is '{named}', but {file} is a file. Set {variable} to a folder."
    find_workspace({variable: str(tmp_path / "not" / "yet")}, project)


NOBODY = 65_534


@pytest.mark.parametrize("named", ["closed", "closed/not/yet"])
def test_a_folder_that_the_user_cannot_enter_is_refused(named: str) -> None:
    """In a process of another user if the tests run as root, because root can enter every folder."""
    with tempfile.TemporaryDirectory() as project:
        folder, closed = Path(project).resolve(), Path(project).resolve() / "closed"
        folder.chmod(0o755)
        (folder / "parameters").mkdir(mode=0o755)
        (folder / "parameters" / "base.yml").touch()
        closed.mkdir(mode=0o000)
        with ProcessPoolExecutor(1, get_context("fork"), os.setuid, (os.geteuid() or NOBODY,)) as other:
            said = other.submit(_refuse, {"MLOPS_HOME": str(folder / named)}, folder).result()
    expected = f"MLOPS_HOME is '{folder / named}', but you have no permission to enter {closed}. "
    assert said == ("" if named == "closed" else f"{expected}Set MLOPS_HOME to a folder of your own.")


def _refuse(environ: dict[str, str], folder: Path) -> str:
    try:
        find_workspace(environ, folder)
    except UsageError as error:
        return str(error)
    return ""  # the folder is only named; a command that reads or writes it reports the error


def test_a_file_in_place_of_the_default_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "base.yml").touch()
    (tmp_path / ".mlops").write_text("x")
    with pytest.raises(UsageError) as refused:
        find_workspace({}, tmp_path)
    assert str(refused.value) == (
        f"{tmp_path / '.mlops'} must be a folder, but it is a file. Move the file, or set MLOPS_HOME to a folder."
    )


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
