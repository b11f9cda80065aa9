"""Files in folders that are named by their content."""

from pathlib import Path

from mlops.files.contents import store_by_content


def test_a_content_is_stored_once_under_its_first_name(tmp_path: Path) -> None:
    first = store_by_content(tmp_path, "good.csv", b"A,Y\n1,2\n")
    assert store_by_content(tmp_path, "renamed.csv", b"A,Y\n1,2\n") == first
    assert store_by_content(tmp_path, "good.csv", b"A,Y\n3,4\n") != first
    first.write_bytes(b"damaged")
    assert store_by_content(tmp_path, "good.csv", b"A,Y\n1,2\n").read_bytes() == b"A,Y\n1,2\n"
