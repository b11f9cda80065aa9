"""The files that parents of warm kernels leave behind are deleted once the parents have ended and the files are old."""

import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.kernels.leftovers import delete_leftovers, list_leftovers, name_interpreter
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
        (folder / f"{name}.log").write_bytes(name_interpreter(sys.executable))
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


@pytest.mark.parametrize(
    ("log", "listed"),
    [
        (name_interpreter(sys.executable) + b"12:00:00 [1] imported\n", True),
        (name_interpreter("/no/such/checkout/bin/python"), True),
        (name_interpreter(os.devnull), False),
        (b"", False),
        (b"12:00:00 [1] imported\n", False),
    ],
    ids=["this checkout", "deleted checkout", "another checkout", "empty", "older version"],
)
def test_the_files_of_other_checkouts_stay(folder: Path, log: bytes, listed: bool) -> None:
    (folder / "ended.log").write_bytes(log)
    assert bool(list_leftovers(time.time() + 3600)) == listed


def test_a_folder_that_is_not_private_has_none(folder: Path) -> None:
    folder.chmod(0o755)
    assert list_leftovers(time.time() + 3600) == []
    delete_leftovers(time.time() + 3600)
