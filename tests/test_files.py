"""Files are whole or not there, and hashes tell when they are not what they were."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops.errors import IntegrityError
from mlops.files import (
    decode_record,
    hash_file,
    hash_folder,
    make_new_folder,
    read_record,
    store_by_content,
    verify_files,
    write_atomically,
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


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


def test_a_full_disk_leaves_the_old_content(tmp_path: Path) -> None:
    """The kernel refuses every byte past the first 1,000, as on a full disk: a process of its own, limited so."""
    path = tmp_path / "file"
    write_atomically(path, "old")
    program = (
        "import resource, pathlib, sys; from mlops.files import write_atomically; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "write_atomically(pathlib.Path(sys.argv[1]), 'x' * 100_000)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "OSError: [Errno 27] File too large")
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
        ({}, "a was added to {folder} after it was recorded. Remove it."),
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


def test_a_new_folder_is_nobody_elses(tmp_path: Path) -> None:
    """The name may come from a clock: it stands still here."""
    made = [make_new_folder(tmp_path / "services", "20261125T190758Z") for _ in range(3)]
    assert [folder.name for folder in made] == ["20261125T190758Z", "20261125T190758Z-2", "20261125T190758Z-3"]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(lambda _: make_new_folder(tmp_path, "same"), range(64)))
    assert len(set(at_once)) == 64


def test_a_content_is_stored_once_under_its_first_name(tmp_path: Path) -> None:
    first = store_by_content(tmp_path, "good.csv", b"A,Y\n1,2\n")
    assert store_by_content(tmp_path, "renamed.csv", b"A,Y\n1,2\n") == first
    assert store_by_content(tmp_path, "good.csv", b"A,Y\n3,4\n") != first
    first.write_bytes(b"damaged")
    assert store_by_content(tmp_path, "good.csv", b"A,Y\n1,2\n").read_bytes() == b"A,Y\n1,2\n"


@dataclass(frozen=True)
class Card:
    """A record."""

    name: str
    number: int = 0


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no UTF-8": lambda path: path.write_bytes(b'{"name": "a\x80"}'),
    "half a surrogate": lambda path: path.write_bytes(b'{"name": "\\ud800"}'),
    "cut off": lambda path: path.write_bytes(b'{"name": "a'),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(100)),
    "a wrong type": lambda path: path.write_bytes(b'{"name": 1}'),
    "a number too large": lambda path: path.write_bytes(b'{"name": "a", "number": 1e400}'),
    "a list": lambda path: path.write_bytes(b"[]"),
    "nested too deeply": lambda path: path.write_bytes(b'{"name": ' + b"[" * 100_000),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_kind_of_damage_is_one_error_that_names_the_file(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "card.json"
    DAMAGE[damage](path)
    with pytest.raises(IntegrityError) as raised:
        read_record(path, Card, "Print it again.")
    assert str(raised.value).startswith(f"{path} ")
    assert str(raised.value).endswith("). Print it again.")


def test_a_record_is_read_and_one_that_is_not_there_is_not_damaged(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"name": "größer", "unknown": 1}')
    assert read_record(tmp_path / "card.json", Card) == Card("größer")
    for path in (tmp_path / "none.json", tmp_path / "card.json" / "none.json"):
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            read_record(path, Card)


def test_a_record_that_is_no_file_is_named_as_its_reader_calls_it() -> None:
    with pytest.raises(IntegrityError, match=r"^The blob x is damaged \(.+\)\. Restore it from a backup, or d"):
        decode_record(b"", Card, "The blob x")
