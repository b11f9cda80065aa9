"""Model versions on Azure: requests, simultaneous writers, and changes made by others."""

import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import pytest
from doubles.azure.azure import Azure
from opened import open_model
from tiny_model import TAGS, publish, register, register_and_promote, release, track

from mlops.backends import open_backend
from mlops.backends.azure.connection.container import open_container
from mlops.errors import IntegrityError, PlatformError
from mlops.operations.status import read_status
from mlops.platform.backend import Backend
from mlops.platform.trainings import TrainingRun
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
PROCESSES = 6
START = 'write {"version": 0} to the blob mlops/champions/tiny.json to promote the next model without a comparison.'


@pytest.fixture
def backend(azure: Azure, workspace: Workspace) -> Backend:
    """The platform before the double."""
    return open_backend("azure", workspace)


def test_processes_that_register_at_once_get_versions_of_their_own_and_one_champion(
    azure: Azure, workspace: Workspace, tmp_path: Path
) -> None:
    folders = [tmp_path / str(number) for number in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(partial(register_and_promote, "azure"), [workspace] * PROCESSES, folders))
    assert sorted(version for version, _ in results) == list(range(1, PROCESSES + 1))
    assert [model["kvTags"].get("champion") for model in azure.models.models.values()].count("1") == 1
    assert sum(won for _, won in results) == 1


def test_a_version_is_made_in_one_request_from_the_files_of_its_training(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    version = register(backend, tmp_path)
    (asset,) = azure.find_requests("POST", "/assets$")
    assert asset.json["artifacts"] == [{"prefix": f"ExperimentRun/dcid.{version.run_id}/outputs/model"}]
    (sent,) = azure.find_requests("POST", "/models$")
    assert sent.json["runId"] == version.run_id
    assert sent.json["kvTags"] == TAGS
    assert sent.json["properties"] == {"files": f'{{"model.json":"{version.files["model.json"]}"}}'}
    assert azure.find_requests("PATCH", "/models/") == []


def test_the_champion_moves_with_one_write(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    backend.registry.promote("tiny", 1, expected="")
    seen = []
    azure.models.after_change = lambda model: seen.append(find_champions(azure))
    backend.registry.promote("tiny", 2, expected=backend.registry.get_version("tiny", 1).identity)
    assert seen == [{"tiny:1": "1", "tiny:2": "2"}, {"tiny:2": "2"}]  # the highest value marks the champion
    assert backend.registry.promote("tiny", 2, expected=backend.registry.get_version("tiny", 1).identity).champion
    assert len(seen) == 2  # again changes nothing


def test_a_champion_that_was_deleted_is_not_one_that_never_was(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    assert backend.registry.find_champion("tiny") is None
    backend.registry.promote("tiny", 1, expected="")
    del azure.models.models["tiny:1"]
    said = (
        "The champion of 'tiny', version 1, was deleted in Azure or lost its tag `champion`. Set this tag to 1 on a "
        f"version of the model, or {START}"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(said)}$"):
        backend.registry.find_champion("tiny")
    azure.models.models["tiny:2"]["kvTags"]["champion"] = "1"
    champion = backend.registry.find_champion("tiny")
    assert champion is not None
    assert champion.version == 2
    azure.models.models.clear()
    said = (
        "Azure no longer has any version of the model 'tiny', whose champion was version 1. To promote the next model "
        'without a comparison, write {"version": 0} to the blob mlops/champions/tiny.json.'
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(said)}$"):
        backend.registry.find_champion("tiny")
    open_note(backend).upload_blob(b'{"version": 0}', overwrite=True)
    assert backend.registry.find_champion("tiny") is None


def test_a_champion_of_an_older_engine_that_was_lost_is_known_by_its_deployment(
    azure: Azure, backend: Backend, tmp_path: Path, workspace: Workspace
) -> None:
    """Older versions of the engine wrote no note, but they recorded their deployments."""
    image = publish(backend, tmp_path, 1.0)
    backend.registry.promote("tiny", 1, expected="")
    release(backend, image)
    open_note(backend).delete_blob()
    champion = backend.registry.find_champion("tiny")
    assert champion is not None
    assert champion.version == 1
    register(backend, tmp_path, 2.0)  # any write records the champion
    assert open_note(backend).download_blob().readall() == b'{"version": 1}'
    open_note(backend).delete_blob()
    del azure.models.models["tiny:1"]["kvTags"]["champion"]
    said = (
        "No version of 'tiny' has the tag `champion`, although version 1 was deployed in production. Set this tag to 1 "
        f"on a version of the model, or {START}"
    )
    with pytest.raises(IntegrityError, match=f"^{re.escape(said)}$"):
        backend.registry.find_champion("tiny")
    status = read_status(open_model(workspace, "tiny", backend))
    assert (status.champion_title, status.champion_problem) == ("unknown", said)
    open_note(backend).upload_blob(b'{"version": 0}')
    assert backend.registry.find_champion("tiny") is None


def open_note(backend: Backend) -> Any:
    """Return the blob with the note of the champion."""
    session = cast(Any, backend.services)._session
    return open_container(session).get_blob_client("mlops/champions/tiny.json")


def find_champions(azure: Azure) -> dict[str, str]:
    """Return the champion tags in the double."""
    tags = {name: model["kvTags"].get("champion", "") for name, model in azure.models.models.items()}
    return {name: value for name, value in tags.items() if value}


def test_a_promotion_that_died_half_way_is_read_as_done_and_finished_by_the_next(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    azure.models.models["tiny:1"]["kvTags"] = {"champion": "1"}
    azure.models.models["tiny:2"]["kvTags"] = {"champion": "2"}
    champion = backend.registry.find_champion("tiny")
    assert champion is not None
    assert champion.version == 2
    assert not backend.registry.get_version("tiny", 1).champion
    assert backend.registry.promote("tiny", 2, expected=backend.registry.get_version("tiny", 1).identity).champion
    assert find_champions(azure).keys() == {"tiny:2"}


def test_a_writer_without_our_lock_cannot_take_the_champion_away(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    """The other writer reads the tags before us, and writes them back with its own before we check ours."""
    register(backend, tmp_path)
    before = dict(azure.models.models["tiny:1"]["kvTags"])
    overwritten = []

    def overwrite_once(model: dict[str, Any]) -> None:
        if not overwritten:
            overwritten.append(model["kvTags"])
            model["kvTags"] = {**before, "note": "looks good"}

    azure.models.after_change = overwrite_once
    promoted = backend.registry.promote("tiny", 1, expected="")
    assert overwritten == [{**before, "champion": "1"}]
    assert promoted.tags == {**before, "note": "looks good", "champion": "1"}


def test_a_writer_who_never_stops_is_an_error(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    register(backend, tmp_path)
    azure.models.after_change = lambda model: model.update(kvTags={})
    with pytest.raises(PlatformError, match="overwrote the tags of version 1 of the model 'tiny' 5 times"):
        backend.registry.promote("tiny", 1, expected="")


def test_the_last_tag_of_a_version_can_be_taken_away(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    """The SDK's `Model.update` does not send a change if no tag remains."""
    for number in (1.0, 2.0):
        backend.registry.register("tiny", track(backend, tmp_path, number), {})
    backend.registry.promote("tiny", 1, expected="")
    backend.registry.promote("tiny", 2, expected=backend.registry.get_version("tiny", 1).identity)
    assert find_champions(azure) == {"tiny:2": "2"}


def test_a_registration_whose_answer_was_lost_is_one_version(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    """The SDK sends the request again, because it cannot know that Azure carried it out."""
    azure.models.drop_answers = 1
    version = register(backend, tmp_path)
    assert len(azure.find_requests("POST", "/models$")) == 2
    assert (version.version, list(azure.models.models)) == (1, ["tiny:1"])


def test_a_changed_model_file_is_refused_before_it_is_read(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    version = register(backend, tmp_path)
    name = f"ExperimentRun/dcid.{version.run_id}/outputs/model/model.json"
    container = azure.blobs.azurite.client.get_container_client(azure.blobs.container)
    container.upload_blob(name, b'{"number": 666}', overwrite=True)
    with pytest.raises(IntegrityError, match="model tiny version 1: model.json has changed since it was recorded"):
        backend.registry.fetch_model(version, tmp_path / "fetched")
    run = TrainingRun(version.run_id, version.files)
    with pytest.raises(IntegrityError, match="has changed since it was recorded"):
        backend.registry.register("other", run, {})
    assert not backend.tracker.has_files(run)


def test_versions_of_other_models_and_of_many_pages_are_told_apart(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    first = register(backend, tmp_path)
    model = azure.models.models["tiny:1"]
    for number in range(2, 302):
        azure.models.models[f"tiny:{number}"] = {
            **model,
            "id": f"tiny:{number}",
            "version": number,
            "kvTags": {"champion": str(number)},
            "runId": f"run-{number}",
        }
    azure.models.models["other:1"] = {**model, "id": "other:1", "name": "other", "kvTags": {"champion": "999"}}
    champion = backend.registry.find_champion("tiny")
    assert champion is not None
    assert (champion.name, champion.version) == ("tiny", 301)
    assert backend.registry.register("tiny", TrainingRun(first.run_id, first.files), {}) == first
