"""The queries of MLflow's database without MLflow: the same answers as those of MLflow's own client."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlops.backends.local.store.mlflow_store import EXPERIMENT, MlflowStore
from mlops.backends.local.store.queries import find_trainings, has_training, read_versions


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MlflowStore:
    """A database with two models. One of them has a deleted version, and one version has no tags."""
    store = MlflowStore(tmp_path_factory.mktemp("home"))
    client = store.client
    experiment = client.get_experiment_by_name(EXPERIMENT)
    folder = (store.home / "artifacts").as_uri()
    run = client.create_run(experiment.experiment_id if experiment else "0").info.run_id
    for name in ("diabetes", "it's"):
        client.create_registered_model(name)
        for tags in ({"champion": "true", "mse": "3150"}, {}, {"mse": "", "note": "ä\n"}):
            client.create_model_version(name, folder, run, tags=tags)
    client.delete_model_version("diabetes", "2")
    client.set_registered_model_alias("diabetes", "champion", "1")
    return store


def test_the_versions_are_those_of_mlflow(store: MlflowStore) -> None:
    found = store.client.search_model_versions("name='diabetes'")
    expected = sorted((version.name, int(version.version), version.run_id, version.tags) for version in found)
    versions = read_versions(store.database, "diabetes")
    assert [(row.name, row.version, row.run_id, row.tags) for row in versions] == expected
    assert [row.version for row in versions] == [1, 3]


def test_the_versions_of_all_models_are_read(store: MlflowStore) -> None:
    found = {(version.name, int(version.version)) for version in store.client.search_model_versions()}
    assert {(row.name, row.version) for row in read_versions(store.database)} == found
    assert len(found) == 5


@pytest.mark.parametrize(("name", "version", "tags"), [("it's", 2, {}), ("it's", 3, {"mse": "", "note": "ä\n"})])
def test_one_version_is_read(store: MlflowStore, name: str, version: int, tags: dict[str, str]) -> None:
    (row,) = read_versions(store.database, name, version)
    assert (row.name, row.version, row.tags) == (name, version, tags)
    assert row.tags == store.client.get_model_version(name, str(version)).tags


@pytest.mark.parametrize(("name", "version"), [("diabetes", 2), ("diabetes", 0), ("diabetes", 9), ("", 1)])
def test_a_version_that_does_not_exist_is_not_found(store: MlflowStore, name: str, version: int) -> None:
    assert read_versions(store.database, name, version) == []


def test_a_training_exists_if_mlflow_has_its_run(store: MlflowStore) -> None:
    client: MlflowClient = store.client
    runs = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])  # type: ignore[union-attr]
    assert runs
    assert all(has_training(store.database, run.info.run_id) for run in runs)
    assert not has_training(store.database, "0" * 32)


def test_trainings_are_found_by_a_tag_like_with_mlflow(store: MlflowStore) -> None:
    client: MlflowClient = store.client
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id  # type: ignore[union-attr]
    same = [client.create_run(experiment, tags={"attempt": "it's"}).info.run_id for _ in range(3)]
    client.create_run(experiment, tags={"attempt": "it"})
    client.create_run(experiment, tags={"other": "it's"})
    client.delete_run(same.pop())
    by_mlflow = {run.info.run_id for run in client.search_runs([experiment], 'tags.attempt = "it\'s"')}
    assert set(find_trainings(store.database, "attempt", "it's")) == by_mlflow == set(same)


def test_the_queries_change_no_file(store: MlflowStore) -> None:
    before = _list_files(store.home)
    read_versions(store.database)
    assert _list_files(store.home) == before


def _list_files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
