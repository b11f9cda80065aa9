"""The contract of secrets, over every platform: `mlops.platform.secrets.Secrets`."""

from pathlib import Path

import pytest
from tiny_model import ask, deploy, publish, release

from mlops.errors import SecretNotFoundError
from mlops.platform.backend import Backend
from mlops.release.calls import call_service
from mlops.release.keys import read_keys


@pytest.mark.no_blobs
def test_a_secret_that_is_not_set_says_how_to_set_it(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SecretNotFoundError, match="MLOPS_SECRET_STORAGE_KEY"):
        backend.secrets.get_secret("storage-key")
    monkeypatch.setenv("MLOPS_SECRET_STORAGE_KEY", "s3cr3t-value")
    assert backend.secrets.get_secret("storage-key") == "s3cr3t-value"
    assert "s3cr3t-value" in set(backend.secrets.list_values())


def test_keys_are_made_once_and_differ(backend: Backend, tmp_path: Path) -> None:
    """Azure creates the keys together with the service."""
    release(backend, publish(backend, tmp_path))
    keys = backend.secrets.get_keys("qa")
    assert keys == backend.secrets.get_keys("qa")
    assert len({*keys, *backend.secrets.get_keys("production")}) == 4
    assert set(keys) <= set(backend.secrets.list_values())


def test_rotating_keys_replaces_the_primary_key_and_keeps_the_old_one_for_a_while(
    backend: Backend, tmp_path: Path
) -> None:
    service = deploy(backend, "qa", publish(backend, tmp_path, 3.0))
    first, second = backend.secrets.get_keys("qa")
    backend.services.rotate_keys("qa")
    keys = read_keys(backend.secrets, backend.services, "qa")
    assert keys[1] == first
    assert len({*keys, first, second}) == 3
    for key, predictions in ((keys[0], [3.0]), (keys[1], [3.0]), (second, None)):
        answer = call_service(service.url, key, {"data": [[1.0]]})
        assert (answer.json()["result"] if answer.ok else None) == predictions
    assert ask(backend, service) == 3.0
