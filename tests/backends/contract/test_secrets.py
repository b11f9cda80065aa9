"""The contract of secrets, over every platform: `mlops.platform.secrets.Secrets`."""

from pathlib import Path

import pytest
from tiny_model import publish, release

from mlops.errors import SecretNotFoundError
from mlops.platform.backend import Backend


@pytest.mark.no_blobs
def test_a_secret_that_is_not_set_says_how_to_set_it(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SecretNotFoundError, match="MLOPS_SECRET_STORAGE_KEY"):
        backend.secrets.get_secret("storage-key")
    monkeypatch.setenv("MLOPS_SECRET_STORAGE_KEY", "s3cr3t-value")
    assert backend.secrets.get_secret("storage-key") == "s3cr3t-value"
    assert "s3cr3t-value" in set(backend.secrets.list_values())


def test_keys_are_made_once_and_differ(backend: Backend, tmp_path: Path) -> None:
    """Azure makes them together with the service."""
    release(backend, publish(backend, tmp_path))
    keys = backend.secrets.get_keys("qa")
    assert keys == backend.secrets.get_keys("qa")
    assert len({*keys, *backend.secrets.get_keys("production")}) == 4
    assert set(keys) <= set(backend.secrets.list_values())
