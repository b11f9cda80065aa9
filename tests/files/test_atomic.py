"""Files are complete or do not exist."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlops.files.atomic import make_new_folder, write_atomically


@pytest.mark.parametrize("content", ["größer\n", b"\x00\xff", ""])
def test_what_is_written_is_read(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write_atomically(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755])
def test_the_file_has_the_mode_whatever_the_old_one_had(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o666)
    write_atomically(path, "new", mode)
    assert (path.stat().st_mode & 0o777, path.read_text()) == (mode, "new")


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o000, 0o644)])
def test_the_umask_hides_files_from_others(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "file"
    before = os.umask(umask)
    try:
        write_atomically(path, "new")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_a_full_disk_leaves_the_old_content(tmp_path: Path) -> None:
    """In a separate process, the system refuses every byte after the first 1,000, as on a full disk."""
    path = tmp_path / "file"
    write_atomically(path, "old")
    program = (
        "import resource, pathlib, sys; from mlops.files.atomic import write_atomically; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "write_atomically(pathlib.Path(sys.argv[1]), 'x' * 100_000)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"OSError: [Errno 27] File too large: {str(path)!r}")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_is_no_unicode_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_atomically(target, "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["target", "inside"]


def test_a_new_folder_is_nobody_elses(tmp_path: Path) -> None:
    """The name may come from a clock, which stands still here."""
    made = [make_new_folder(tmp_path / "services", "20261125T190758Z") for _ in range(3)]
    assert [folder.name for folder in made] == ["20261125T190758Z", "20261125T190758Z-2", "20261125T190758Z-3"]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(lambda _: make_new_folder(tmp_path, "same"), range(64)))
    assert len(set(at_once)) == 64
