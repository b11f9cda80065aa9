"""The rows that services collect: each environment has a place of its own."""

import pytest

from mlops.platform.backend import Backend
from mlops.platform.services import ENVIRONMENTS


@pytest.fixture(autouse=True)
def _collects(backend: Backend, platform: str) -> None:
    if backend.collections is None:
        pytest.skip(f"services of the platform {platform} collect nothing")


@pytest.mark.no_blobs
def test_each_environment_has_a_place_of_its_own(backend: Backend) -> None:
    assert backend.collections is not None
    places = [backend.collections.find_place(environment) for environment in ENVIRONMENTS]
    assert len({place.url for place in places}) == len(places)
    assert all(place.url for place in places)


@pytest.mark.no_blobs
def test_the_key_of_hashed_columns_is_a_secret(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend.collections is not None
    monkeypatch.setenv("MLOPS_SECRET_COLLECTION_KEY", "a long secret")
    assert backend.collections.find_key() == "a long secret"
