"""What the results of a step depend on."""

from pathlib import Path

import pytest

from mlops.errors import FormatError
from mlops.record.fingerprints import identify_home
from mlops.workspace import HOME_FORMAT


def test_a_home_keeps_its_id_and_a_new_one_gets_another(tmp_path: Path) -> None:
    first = identify_home(tmp_path / "first")
    assert identify_home(tmp_path / "first") == first != identify_home(tmp_path / "second")
    assert (tmp_path / "first" / "format").read_text() == f"{HOME_FORMAT}\n"


def test_a_newer_home_gets_no_id(tmp_path: Path) -> None:
    (tmp_path / "format").write_text(f"{HOME_FORMAT + 1}\n")
    with pytest.raises(FormatError, match=f"The home {tmp_path} has format {HOME_FORMAT + 1}"):
        identify_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["format"]
