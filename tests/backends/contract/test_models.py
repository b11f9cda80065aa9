"""The contract of models, over every platform: `mlops.platform.models.Registry`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_model import TAGS, register, track

from mlops.errors import ConflictError, ModelNotFoundError
from mlops.platform.backend import Backend


def test_a_version_has_all_its_tags_and_hashes(backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path)
    version = backend.registry.register("tiny", run, TAGS)
    assert (version.version, version.run_id, version.files) == (1, run.run_id, run.files)
    assert version.tags == TAGS
    assert backend.registry.get_version("tiny", 1) == version


def test_registering_again_keeps_the_version(backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path)
    versions = {backend.registry.register("tiny", run, {}).version for _ in range(5)}
    assert versions == {1}


def test_there_is_no_champion_before_the_first_promotion(backend: Backend, tmp_path: Path) -> None:
    assert backend.registry.find_champion("tiny") is None
    register(backend, tmp_path)
    assert backend.registry.find_champion("tiny") is None


def test_the_champion_is_the_version_promoted_last(backend: Backend, tmp_path: Path) -> None:
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    backend.registry.promote("tiny", 1, expected="")
    backend.registry.promote("tiny", 2, expected=backend.registry.get_version("tiny", 1).identity)
    champion = backend.registry.find_champion("tiny")
    assert champion is not None
    assert champion.version == 2
    assert not backend.registry.get_version("tiny", 1).champion


def test_promotion_is_a_compare_and_swap(backend: Backend, tmp_path: Path) -> None:
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    backend.registry.promote("tiny", 1, expected="")
    with pytest.raises(ConflictError, match="evaluated when there was no champion, but the champion is now version 1"):
        backend.registry.promote("tiny", 2, expected="")
    assert backend.registry.promote("tiny", 1, expected="").champion  # again changes nothing


def test_a_champion_of_the_same_number_from_another_training_is_another_champion(
    backend: Backend, tmp_path: Path
) -> None:
    """A registry that was restored from a backup reuses the numbers of the versions registered after the backup."""
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    champion = backend.registry.promote("tiny", 1, expected="")
    said = "now a different version 1, from another training, so the new model was not promoted. Run `mlops "
    for other in (replace(champion, run_id="other"), replace(champion, files={"model.json": "0" * 64})):
        with pytest.raises(ConflictError, match=said):
            backend.registry.promote("tiny", 2, expected=other.identity)
    assert backend.registry.promote("tiny", 2, expected=champion.identity).champion


def test_each_comparison_with_a_champion_is_counted_once(backend: Backend, tmp_path: Path) -> None:
    register(backend, tmp_path)
    champion = backend.registry.promote("tiny", 1, expected="")
    numbers = [backend.registry.record_look(champion, evidence) for evidence in ("a", "b", "a", "c")]
    assert numbers == [1, 2, 1, 3]
    assert backend.registry.record_look(replace(champion, run_id="other"), "c") == 1


def test_a_model_is_its_own_bytes(backend: Backend, tmp_path: Path) -> None:
    register(backend, tmp_path, 1.0)
    second = register(backend, tmp_path, 2.0)
    fetched = backend.registry.fetch_model(second, tmp_path / "second")
    assert json.loads((fetched / "model.json").read_text()) == {"number": 2.0}


@pytest.mark.no_blobs
def test_a_missing_version_is_not_found(backend: Backend) -> None:
    with pytest.raises(ModelNotFoundError, match="The model 'tiny' has no version 9. Train one with `mlops run"):
        backend.registry.get_version("tiny", 9)


def test_a_version_is_not_made_where_another_champion_has_come(backend: Backend, tmp_path: Path) -> None:
    register(backend, tmp_path, 1.0)
    backend.registry.promote("tiny", 1, expected="")
    late = track(backend, tmp_path, 2.0)
    with pytest.raises(ConflictError, match="evaluated when there was no champion, but the champion is now version 1"):
        backend.registry.register("tiny", late, {}, expected="")
    with pytest.raises(ModelNotFoundError):
        backend.registry.get_version("tiny", 2)
