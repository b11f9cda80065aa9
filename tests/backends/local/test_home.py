"""Damaged state in MLOPS_HOME, and unusual names of the folder."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from old_homes import build_home
from sqlalchemy import make_url
from tiny_model import register

from mlops.backends import open_backend
from mlops.backends.local.services.deployments import LocalState
from mlops.backends.local.services.site import LocalSite
from mlops.backends.local.settings import LocalSettings
from mlops.backends.local.store.database import name_url
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.store.schema import configure_alembic
from mlops.errors import IntegrityError
from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.platform.services import Rollback
from mlops.workspace import HOME_FORMAT, Workspace, read_home_format

READERS: dict[str, Callable[[Backend], object]] = {
    "mlflow.db": lambda backend: backend.registry.find_champion("tiny"),
    "secrets/qa-keys.json": lambda backend: backend.secrets.get_keys("qa"),
    "images/models/tiny-1.json": lambda backend: backend.images.find_image(ModelVersion("tiny", 1, "", {}, {})),
}


@pytest.mark.parametrize("content", [b"\x00garbage" * 200, b'"\x80"', b"{}"], ids=["garbage", "no UTF-8", "too little"])
@pytest.mark.parametrize("name", READERS)
def test_damaged_state_is_named(workspace: Workspace, name: str, content: bytes) -> None:
    path = workspace.home / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=f"{path.name} is damaged"):
        READERS[name](open_backend("local", workspace))


FOLDERS: dict[str, Callable[[Backend], object]] = {
    **READERS,
    "champions/tiny.json": lambda backend: backend.registry.find_champion("tiny"),
    "looks/tiny.json": lambda backend: backend.registry.record_look(ModelVersion("tiny", 1, "", {}, {}), "evidence"),
    "datasets/catalogue.json": lambda backend: backend.datasets.find_newest(),
    "services/qa.json": lambda backend: backend.services.find_owner("qa"),
    "pipelines/retrain.json": lambda backend: backend.require(backend.pipelines, "").find_published(),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_in_place_of_a_file_is_named(workspace: Workspace, name: str) -> None:
    """Without the error, the state would look like that of a new home."""
    path = workspace.home / name
    path.mkdir(parents=True)
    with pytest.raises(IntegrityError, match=f"^{re.escape(str(path))} "):
        FOLDERS[name](open_backend("local", workspace))


def test_a_damaged_state_of_one_environment_does_not_hide_the_others(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    path = workspace.home / "services" / "qa.json"
    path.write_bytes(b'{"port": "\x80"}')
    backend = open_backend("local", workspace)
    qa, production = backend.services.list_services()
    assert (qa.environment, qa.health, production.environment) == ("qa", "unreadable", "production")
    assert qa.problem.startswith(f"{path} is damaged (")
    assert production.health == "stopped"
    with pytest.raises(IntegrityError, match=r"qa\.json is damaged"):  # commands that would change it refuse to run
        backend.services.record_test("qa", production.digest, passed=True)
    assert not backend.services.stop("qa")


def test_rollbacks_are_listed_newest_first_also_after_the_clock_was_set_back(workspace: Workspace) -> None:
    at = {"qa": ["2026-11-26T12:00:00Z", "2026-11-26T10:00:00Z"], "production": ["2026-11-26T11:00:00Z"]}
    for environment, times in at.items():
        rollbacks = tuple(Rollback(environment, f"tiny:{n}", n, "tiny:0", 0, time) for n, time in enumerate(times, 1))
        site = LocalSite(workspace.home / "services", environment, LocalSettings(), None, None, None, None)  # type: ignore[arg-type]
        site.write(LocalState(rollbacks=rollbacks))
    found = open_backend("local", workspace).services.list_rollbacks()
    versions = {name: [old.model_version for old in found if old.environment == name] for name in at}
    assert versions == {"qa": [2, 1], "production": [1]}


def test_a_home_that_begins_with_a_publication_has_the_newest_format(workspace: Workspace) -> None:
    pipelines = open_backend("local", workspace).pipelines
    assert pipelines is not None
    pipelines.publish("42", "")
    assert read_home_format(workspace.home) == HOME_FORMAT


def test_keys_that_cannot_be_read_do_not_stop_a_run(workspace: Workspace) -> None:
    secrets = open_backend("local", workspace).secrets
    known = secrets.get_keys("production")
    (workspace.home / "secrets" / "qa-keys.json").write_bytes(b"\x80")
    assert list(secrets.list_values()) == list(known)


def test_a_version_that_somebody_registered_with_mlflow_itself_does_not_hide_the_champion(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    client = MlflowStore(workspace.home).client
    stranger = client.create_model_version("diabetes", "file:///nowhere")
    registry = open_backend("local", workspace).registry
    champion = registry.find_champion("diabetes")
    assert champion is not None
    assert champion.version == 1
    with pytest.raises(IntegrityError, match="'files' of diabetes version 2 in MLflow is damaged"):
        registry.get_version("diabetes", int(stranger.version))


ODD = """it's "my" home #1 is 100%41? ü&=;@:[~"""


def test_a_home_can_have_any_name(migrated: Workspace, tmp_path: Path) -> None:
    """SQLAlchemy decodes `%41` in a URL, and a question mark ends the path of the database."""
    home = migrated.home.rename(tmp_path / ODD)
    backend = open_backend("local", replace(migrated, home=home))
    version = register(backend, tmp_path)
    assert backend.registry.get_version("tiny", 1).run_id == version.run_id
    assert (backend.registry.fetch_model(version, tmp_path / "fetched") / "model.json").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {ODD, "fetched", "files-1.0"}  # MLflow creates no other folder


@pytest.mark.slow
def test_a_database_is_created_from_a_folder_with_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow writes the current folder into SQL."""
    folder = tmp_path / ODD
    folder.mkdir()
    monkeypatch.chdir(folder)
    client = MlflowStore(folder / "home").client
    places = {experiment.name: experiment.artifact_location for experiment in client.search_experiments()}
    artifacts = (folder / "home" / "artifacts").as_uri()
    assert places == {"Default": f"{artifacts}/0", "training": artifacts}


def test_the_url_of_a_database_names_its_path(tmp_path: Path) -> None:
    path = tmp_path / ODD / "mlflow.db"
    named = configure_alembic(path).get_main_option("sqlalchemy.url")
    assert named == name_url(path)
    assert make_url(named).database == str(path)
