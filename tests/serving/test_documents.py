"""The descriptions of a service behind a proxy."""

import json
from pathlib import Path

import pytest

from mlops.serving.documents import FILES, PREFIX, read_documents


@pytest.mark.parametrize("prefix", ["api/v1/service/tiny", "/api/v1/service/tiny/"])
def test_the_paths_begin_with_the_path_at_which_a_proxy_publishes_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    content = b'{"paths": {"/": {}, "/score": {"post": {}}}}\n'
    for name in FILES:
        (tmp_path / name).write_bytes(content)
    monkeypatch.delenv(PREFIX, raising=False)
    assert read_documents(tmp_path) == dict.fromkeys(FILES, content)
    monkeypatch.setenv(PREFIX, prefix)
    described = {"paths": {"/api/v1/service/tiny/": {}, "/api/v1/service/tiny/score": {"post": {}}}}
    assert {name: json.loads(found) for name, found in read_documents(tmp_path).items()} == dict.fromkeys(
        FILES, described
    )
