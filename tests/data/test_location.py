"""A data file that cannot be read is named before anything runs."""

import os
import sys
from pathlib import Path

import pytest
from fsspec.registry import _registry as registry

from mlops.data.listing import find_files
from mlops.data.location import require_file
from mlops.errors import ExtraMissingError, UsageError


def test_what_exists_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b.csv").write_text("x")
    (tmp_path / "part-0.parquet").write_text("x")
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
        ("/none.csv", "but there is no such file. Check the path."),
        ("file:///none.csv", "but there is no such file. Check the path."),
        ("xyz://host/x.csv", "but xyz:// is not supported. Use a path, or a URL such as https://, az:// or file://."),
        ("gs://bucket/x.csv", "but gs:// cannot be read here: Please install gcsfs to access Google Storage."),
    ],
)
def test_what_cannot_be_read_is_named(url: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        require_file(url, "test_data.data_path")
    assert str(raised.value) == f"test_data.data_path is {url!r}, {said.format(here=Path.cwd())}"


def test_a_url_of_azure_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adlfs", None)
    monkeypatch.delitem(registry, "abfss", raising=False)
    with pytest.raises(ExtraMissingError) as raised:
        require_file("abfss://container/x.csv", "test_data.data_path")
    assert str(raised.value) == (
        "test_data.data_path is 'abfss://container/x.csv', which needs packages that are not installed: adlfs. "
        "Run `make setup EXTRAS=azure`, or without a checkout `pip install 'notebook-mlops[azure]'`."
    )


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "empty").mkdir()
    said = {
        tmp_path / "pipe.csv": "is a pipe. Write the data to a file.",
        Path("/dev/zero"): "is a device. Write the data to a file.",
        tmp_path / "empty": "is a folder without Parquet files. Name a file, or a folder of Parquet files.",
    }
    for path, reason in said.items():
        with pytest.raises(UsageError) as raised:
            require_file(str(path), "test_data.data_path")
        assert str(raised.value) == f"test_data.data_path is {str(path)!r}, which {reason}"


def test_what_you_may_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may read everything
    (tmp_path / "x.csv").write_text("x")
    with pytest.raises(UsageError, match=r"x\.csv', which cannot be read by this user\. Change its permissions\.$"):
        require_file(str(tmp_path / "x.csv"), "test_data.data_path")
    with pytest.raises(
        UsageError, match=r"^The data file .*x\.csv cannot be read by this user\. Change its permissions\.$"
    ):
        find_files(str(tmp_path / "x.csv"))
