"""The double of Azure where Azurite is not installed: a test says so at once, instead of waiting for blobs."""

from pathlib import Path

import pytest
from doubles.azure import azurite
from doubles.azure.azure import Azure
from doubles.azure.blobs import HOST
from doubles.azure.routing import Request

MISSING = "Azurite is not installed. Run `make azurite`, which needs Node.js 20 with npm."


@pytest.fixture(autouse=True)
def uninstalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Azurite be missing."""
    monkeypatch.setattr(azurite, "PROGRAM", tmp_path / "azurite-blob")


def test_a_request_for_a_blob_is_answered_and_fails_the_test() -> None:
    double = Azure(azurite.Azurite())
    answer = double.answer(Request("GET", HOST, "/c/blob", "/c/blob", {}, b""))
    assert answer.status == 400  # the SDKs retry neither this status nor an exception of the server
    assert MISSING in double.crashes[0]


def test_a_slow_test_fails_before_it_begins(request: pytest.FixtureRequest) -> None:
    request.node.add_marker(pytest.mark.slow)
    with pytest.raises(pytest.fail.Exception) as failed:
        request.getfixturevalue("azure")
    assert failed.value.msg == MISSING
