"""Hashes show whether files have changed."""

from pathlib import Path

import pytest

from mlops.errors import IntegrityError
from mlops.files.atomic import write_atomically
from mlops.files.hashes import hash_file, hash_folder, verify_files

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_hash_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_text("abc")
    assert hash_file(tmp_path / "abc") == ABC


def test_hash_folder_names_every_file_below_it_sorted(tmp_path: Path) -> None:
    write_atomically(tmp_path / "b" / "c", "abc")
    write_atomically(tmp_path / "z", "")
    write_atomically(tmp_path / "a", "abc")
    (tmp_path / "no files in here").mkdir()
    assert list(hash_folder(tmp_path).items()) == [("a", ABC), ("b/c", ABC), ("z", EMPTY)]


def test_a_folder_as_recorded_is_accepted(tmp_path: Path) -> None:
    write_atomically(tmp_path / "sub" / "a", "abc")
    assert verify_files(tmp_path, {"sub/a": ABC}, "model diabetes version 3") is None


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        ({"a": ABC, "b": ABC}, "b is missing in {folder}. Restore it, or train and register the model again."),
        ({}, "{folder} contains a, which is not a recorded file. Remove a."),
        (
            {"a": EMPTY},
            "a has changed since it was recorded (SHA-256 ba7816bf8f01…, recorded e3b0c44298fc…), so it was not "
            "loaded. Restore it, or train and register the model again.",
        ),
    ],
    ids=["missing", "added", "changed"],
)
def test_a_folder_that_is_not_as_recorded(tmp_path: Path, recorded: dict[str, str], message: str) -> None:
    write_atomically(tmp_path / "a", "abc")
    with pytest.raises(IntegrityError) as raised:
        verify_files(tmp_path, recorded, "model diabetes version 3")
    assert str(raised.value) == f"model diabetes version 3: {message.format(folder=tmp_path)}"
