"""A data file that cannot be read is named before anything runs."""

from pathlib import Path

import pytest

from mlops.data.location import require_file
from mlops.errors import UsageError


def test_what_exists_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b.csv").write_text("x")
    monkeypatch.chdir(tmp_path)
    for url in ("", "a b.csv", str(tmp_path / "a b.csv"), f"file://{tmp_path}/a%20b.csv", str(tmp_path)):
        require_file(url, "test_data.data_path")


def test_other_machines_are_not_asked() -> None:
    for url in ("https://host.invalid/x.csv", "az://container/x.csv", "simplecache::https://host.invalid/x.csv"):
        require_file(url, "test_data.data_path")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("none.csv", "but there is no such file in {here}. Check the path."),
        ("file:///none.csv", "but there is no such file in {here}. Check the path."),
        ("xyz://host/x.csv", "but xyz:// is unknown. Use a path, or a URL such as https://, az:// or file://."),
        ("gs://bucket/x.csv", "but gs:// cannot be read here: Please install gcsfs to access Google Storage."),
    ],
)
def test_what_cannot_be_read_is_named(url: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        require_file(url, "test_data.data_path")
    assert str(raised.value) == f"test_data.data_path is {url!r}, {said.format(here=Path.cwd())}"
