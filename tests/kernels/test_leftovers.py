"""The files that parents of warm kernels leave behind are deleted once the parents have ended and the files are old."""

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.kernels.leftovers import delete_leftovers, list_leftovers
from mlops.kernels.socket_folder import find_folder


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sockets for one test, whose path is short enough that the user's folder is not used instead."""
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        assert find_folder().is_relative_to(short)
        yield find_folder()


def test_only_what_is_old_and_of_parents_that_ended_goes(folder: Path) -> None:
    for name in ("ended", "alive"):
        (folder / f"{name}.log").write_text("")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / f"{name}.sock"))
    (folder / "alive.sock").unlink()
    (folder / "other").write_text("")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "alive.sock"))
        listener.listen()
        assert list_leftovers(time.time() - 3600) == []
        assert list_leftovers(time.time() + 3600) == [(folder / "ended.log", folder / "ended.sock")]
        delete_leftovers(time.time() + 3600)
    assert sorted(path.name for path in folder.iterdir()) == ["alive.log", "alive.sock", "lock", "other"]


def test_a_folder_that_is_not_private_has_none(folder: Path) -> None:
    folder.chmod(0o755)
    assert list_leftovers(time.time() + 3600) == []
    delete_leftovers(time.time() + 3600)
