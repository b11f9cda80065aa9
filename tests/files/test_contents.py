"""Files in folders that are named by their content."""

from pathlib import Path

import pytest

from mlops.errors import IntegrityError
from mlops.files.contents import copy_atomically, store_by_content
from mlops.files.hashes import hash_content


def test_a_content_is_stored_once_under_its_first_name(tmp_path: Path) -> None:
    first = store_by_content(tmp_path, "good.csv", b"A,Y\n1,2\n")
    assert store_by_content(tmp_path, "renamed.csv", b"A,Y\n1,2\n") == first
    assert store_by_content(tmp_path, "good.csv", b"A,Y\n3,4\n") != first
    first.write_bytes(b"damaged")
    assert store_by_content(tmp_path, "good.csv", b"A,Y\n1,2\n").read_bytes() == b"A,Y\n1,2\n"


def test_a_file_is_stored_like_its_content(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(b"A,Y\n1,2\n")
    stored = store_by_content(tmp_path / "store", "good.csv", file)
    assert stored.read_bytes() == b"A,Y\n1,2\n"
    assert store_by_content(tmp_path / "store", "good.csv", b"A,Y\n1,2\n") == stored


def test_a_file_that_changes_while_it_is_copied_is_not_stored(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(b"A,Y\n1,2\n")
    with pytest.raises(IntegrityError, match=r"new\.csv changed while it was copied\. Try again\.$"):
        copy_atomically(file, tmp_path / "store" / "good.csv", hash_content(b"A,Y\n"))
    assert list((tmp_path / "store").iterdir()) == []
