"""Records that are read back, and every kind of damage to them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops.errors import IntegrityError
from mlops.files.records import decode_record, read_record


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
