"""The contract that every platform keeps: the same tests over each of them."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import requests
from tiny_model import BROKEN, HANGING, TAGS, ask, deploy, make_bundle, publish, register, release, track

from mlops.backends import list_platforms, open_backend
from mlops.errors import (
    ConflictError,
    DeploymentError,
    DeploymentNotFoundError,
    ImageNotFoundError,
    IntegrityError,
    ModelNotFoundError,
    SecretNotFoundError,
    TrainingNotFoundError,
    UsageError,
)
from mlops.files import make_new_folder
from mlops.platform.backend import Backend
from mlops.platform.services import previous_environment
from mlops.platform.trainings import SweepState, TrainingRun
from mlops.workspace import Workspace

EMULATED = {"azure": [pytest.mark.slow]}  # platforms that need Azurite, which not every machine has


@pytest.fixture(params=[pytest.param(name, marks=EMULATED.get(name, ())) for name in list_platforms()])
def backend(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Backend]:
    """Every platform in turn, on a scratch state; its services end with the test."""
    if request.param in EMULATED:
        request.getfixturevalue(request.param)
    else:
        request.getfixturevalue("migrated")
    opened = open_backend(request.param, workspace)
    yield opened
    for environment in ("qa", "production"):
        opened.services.stop(environment)


def test_training_files_come_back_as_they_were(backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path, 3.5)
    fetched = backend.tracker.fetch_files(run, tmp_path / "fetched")
    assert json.loads((fetched / "model.json").read_text()) == {"number": 3.5}
    assert list(run.files) == ["model.json"]


def test_a_sweep_has_its_own_trainings(backend: Backend, tmp_path: Path) -> None:
    sweep = backend.tracker.start_sweep("20261122-190758-sweep-3f9a51c2", {"alpha": [0.1, 1.0]})
    assert backend.tracker.list_trainings(sweep) == []
    runs = [track(backend, tmp_path, number, sweep=sweep) for number in (1.0, 2.0)]
    track(backend, tmp_path, 3.0)
    track(backend, tmp_path, 4.0, sweep=backend.tracker.start_sweep("another", {"alpha": [1.0]}))
    backend.tracker.end_sweep(sweep, state="succeeded", parameters={"alpha": 0.1}, metrics={"mse": 2.5})
    assert backend.tracker.list_trainings(sweep) == [run.run_id for run in runs]


def test_a_training_knows_whether_its_files_are_there(backend: Backend, tmp_path: Path) -> None:
    assert not backend.tracker.has_files(TrainingRun("nothing", {}))
    run = track(backend, tmp_path)
    assert backend.tracker.has_files(run)
    assert not backend.tracker.has_files(TrainingRun(run.run_id, {**run.files, "model.json": "0" * 64}))


def test_a_pipeline_run_that_is_resumed_has_trained_once(backend: Backend, tmp_path: Path) -> None:
    """A sweep trains several times in one run, each time with other parameters."""
    track(backend, tmp_path, run="run 1")
    again = track(backend, tmp_path, run="run 1")
    others = [track(backend, tmp_path, run="run 1", alpha=0.5), track(backend, tmp_path, run="run 2")]
    others += [track(backend, tmp_path), track(backend, tmp_path)]
    assert backend.tracker.list_trainings() == [run.run_id for run in (again, *others)]


def test_unknown_training_is_not_found(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(TrainingNotFoundError, match="no training run 'nothing'.*run 02_train"):
        backend.tracker.fetch_files(TrainingRun("nothing", {}), tmp_path / "fetched")


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
    backend.registry.promote("tiny", 1, expected=0)
    backend.registry.promote("tiny", 2, expected=1)
    champion = backend.registry.find_champion("tiny")
    assert champion is not None
    assert champion.version == 2
    assert not backend.registry.get_version("tiny", 1).champion


def test_promotion_is_a_compare_and_swap(backend: Backend, tmp_path: Path) -> None:
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    backend.registry.promote("tiny", 1, expected=0)
    with pytest.raises(ConflictError, match="compared with version 0, but the champion is now version 1"):
        backend.registry.promote("tiny", 2, expected=0)
    assert backend.registry.promote("tiny", 1, expected=0).champion  # again changes nothing


def test_a_model_is_its_own_bytes(backend: Backend, tmp_path: Path) -> None:
    register(backend, tmp_path, 1.0)
    second = register(backend, tmp_path, 2.0)
    fetched = backend.registry.fetch_model(second, tmp_path / "second")
    assert json.loads((fetched / "model.json").read_text()) == {"number": 2.0}


def test_a_missing_version_is_not_found(backend: Backend) -> None:
    with pytest.raises(ModelNotFoundError, match="no version 9 of the model 'tiny': run 04_register"):
        backend.registry.get_version("tiny", 9)


def test_the_same_bundle_is_one_image(backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", 1)
    assert backend.images.publish(tmp_path / "bundle-1.0", model) == image
    assert backend.images.find_image(model) == image
    assert (image.name, image.model_version) == ("tiny:1", 1)


def test_an_unknown_image_is_not_found(backend: Backend) -> None:
    with pytest.raises(ImageNotFoundError, match="no image sha256:00"):
        backend.images.get_image("sha256:00")


def test_a_service_answers_only_with_a_key(backend: Backend, tmp_path: Path) -> None:
    service = deploy(backend, "qa", publish(backend, tmp_path, 4.5))
    assert ask(backend, service) == 4.5
    assert requests.post(f"{service.url}/score", json={"data": [[1.0]]}, timeout=5).status_code == 401


def test_a_healthy_service_is_left_alone_unless_forced(backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    deploy(backend, "qa", image)
    (first,) = backend.services.list_services()
    deploy(backend, "qa", image)
    assert backend.services.list_services() == [first]
    forced = deploy(backend, "qa", image, force=True)
    assert (forced.url, ask(backend, forced)) == (first.url, 1.0)


def test_production_takes_only_what_passed_in_qa(backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    with pytest.raises(DeploymentError, match="has not passed its test in qa"):
        deploy(backend, "production", image)
    deploy(backend, "qa", image)
    backend.services.record_test("qa", image.digest, passed=False)
    with pytest.raises(DeploymentError, match="has not passed its test in qa"):
        deploy(backend, "production", image)
    backend.services.record_test("qa", image.digest, passed=True)
    assert ask(backend, deploy(backend, "production", image)) == 1.0


def find_production(backend: Backend) -> tuple[str, int, str]:
    """Return what production serves: image, model version, health."""
    (found,) = [service for service in backend.services.list_services() if service.environment == "production"]
    return found.image, found.model_version, found.health


def test_a_failed_test_in_production_puts_the_previous_one_back(backend: Backend, tmp_path: Path) -> None:
    release(backend, publish(backend, tmp_path, 1.0))
    before = backend.services.list_services()[1]
    release(backend, publish(backend, tmp_path, 2.0), passed=False)
    assert find_production(backend) == ("tiny:1", 1, "healthy")
    assert ask(backend, before) == 1.0  # at the same address


def test_a_failed_first_release_leaves_production_stopped(backend: Backend, tmp_path: Path) -> None:
    release(backend, publish(backend, tmp_path), passed=False)
    assert find_production(backend) == ("tiny:1", 1, "stopped")


def test_roll_back_serves_what_passed_before(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(DeploymentNotFoundError, match="nothing to roll back to"):
        backend.services.roll_back("production")
    for number in (1.0, 2.0):
        release(backend, publish(backend, tmp_path, number))
    assert backend.services.roll_back("production").image == "tiny:1"
    assert find_production(backend) == ("tiny:1", 1, "healthy")


def test_an_image_that_does_not_start_changes_nothing(backend: Backend, tmp_path: Path) -> None:
    serving = deploy(backend, "qa", publish(backend, tmp_path, 1.0))
    broken = publish(backend, tmp_path, 2.0, BROKEN)
    with pytest.raises(DeploymentError, match=r"(?s)tiny:2.*no such table"):
        deploy(backend, "qa", broken)
    assert ask(backend, serving) == 1.0


def test_an_image_that_hangs_is_ended(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="was not ready within 1 s"):
        deploy(backend, "qa", publish(backend, tmp_path, script=HANGING), seconds=1)
    assert backend.services.list_services() == []


def test_stop_says_whether_a_service_ran(backend: Backend, tmp_path: Path) -> None:
    assert not backend.services.stop("qa")
    url = deploy(backend, "qa", publish(backend, tmp_path)).url
    keys = {"Authorization": f"Bearer {backend.secrets.get_keys('qa')[0]}"}
    assert backend.services.stop("qa")
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{url}/score", json={"data": [[1.0]]}, headers=keys, timeout=5)


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


def test_an_unknown_platform_names_those_that_there_are(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no platform 'moon' here; there is: .*local"):
        open_backend("moon", workspace)


def test_qa_comes_before_production() -> None:
    assert (previous_environment("qa"), previous_environment("production")) == ("", "qa")


def register_and_promote(workspace: Workspace, folder: Path) -> tuple[int, bool]:
    """In a process of its own: register a model, and try to become the first champion."""
    backend = open_backend("local", workspace)
    version = register(backend, folder)
    try:
        backend.registry.promote("tiny", version.version, expected=0)
    except ConflictError:
        return version.version, False
    return version.version, True


@pytest.mark.parametrize("processes", [6, pytest.param(16, marks=pytest.mark.slow)])
def test_processes_that_register_at_once_get_versions_of_their_own_and_one_champion(
    workspace: Workspace, tmp_path: Path, processes: int
) -> None:
    folders = [tmp_path / str(number) for number in range(processes)]
    for folder in folders:
        folder.mkdir()
    context = get_context("forkserver")
    context.set_forkserver_preload(["mlflow.store.tracking.sqlalchemy_store", "mlops.backends.local"])
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        results = list(pool.map(register_and_promote, [workspace] * processes, folders))
    assert sorted(version for version, _ in results) == list(range(1, processes + 1))
    assert sum(won for _, won in results) == 1


def test_a_changed_model_file_is_refused_before_it_is_read(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    version = register(backend, tmp_path)
    (stored,) = (migrated.home / "artifacts").rglob("model.json")
    stored.write_text('{"number": 666}')
    with pytest.raises(IntegrityError, match="model tiny version 1: model.json has changed since it was recorded"):
        backend.registry.fetch_model(version, tmp_path / "fetched")
    with pytest.raises(IntegrityError, match="has changed since it was recorded"):
        backend.registry.register("tiny", TrainingRun(version.run_id, version.files), {})


def test_a_changed_image_is_refused(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    (stored,) = (migrated.home / "images").glob("sha256-*/score.py")
    stored.write_text("def init(): ...")
    with pytest.raises(IntegrityError, match=r"score\.py has changed"):
        deploy(backend, "qa", image)


def test_a_service_ends_when_its_starter_dies_before_it_is_recorded(migrated: Workspace, tmp_path: Path) -> None:
    from mlops.backends.local.processes import start_process, wait_ready

    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    bundle = Path(image.url.removeprefix("file://"))
    backend.secrets.get_keys("qa")
    keys = migrated.home / "secrets" / "qa-keys.json"
    popen, ready = start_process(bundle, keys, 0, make_new_folder(tmp_path, "service"))
    process = wait_ready(popen, ready, 30, image.name)
    assert process.alive
    popen.stdin.close()  # type: ignore[union-attr]  # what happens when the starter dies
    assert popen.wait(10) == 0


@pytest.mark.parametrize("state", ["succeeded", "failed", "interrupted"])
def test_mlflow_shows_a_sweep_with_its_best_and_how_it_ended(migrated: Workspace, state: SweepState) -> None:
    from mlflow import MlflowClient

    tracker = open_backend("local", migrated).tracker
    sweep = tracker.start_sweep("a sweep", {"alpha": [0.1, 1.0]})
    tracker.end_sweep(sweep, state=state, parameters={"alpha": 0.1}, metrics={"mse": 2.5})
    run = MlflowClient(f"sqlite:///{migrated.home / 'mlflow.db'}").get_run(sweep)
    assert (run.data.params, run.data.metrics, run.info.run_name) == ({"alpha": "0.1"}, {"mse": 2.5}, "a sweep")
    assert run.info.status == {"succeeded": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}[state]
    assert run.data.tags["mlflow.note.content"] == "alpha=[0.1, 1.0]"


def test_keys_are_readable_by_their_owner_only(workspace: Workspace) -> None:
    open_backend("local", workspace).secrets.get_keys("qa")
    path = workspace.home / "secrets" / "qa-keys.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_port_that_somebody_else_has_is_refused(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = publish(open_backend("local", migrated), tmp_path)
    other = open_backend("local", Workspace(migrated.project, tmp_path / "other", migrated.outputs))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    port = int(deploy(other, "qa", publish(other, folder)).url.rsplit(":", 1)[1])
    monkeypatch.setenv("MLOPS_LOCAL_QA_PORT", str(port))
    try:
        with pytest.raises(DeploymentError, match=rf"Port {port} for qa is taken .* Set local\.qa_port in"):
            deploy(open_backend("local", migrated), "qa", image)
    finally:
        other.services.stop("qa")


def test_an_image_whose_packages_are_not_installed_is_refused(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    model = backend.registry.get_version("tiny", image.model_version)
    bundle = make_bundle(tmp_path, model, 1.0, pin="numpy==0.0.1")
    with pytest.raises(DeploymentError, match=r"the image needs numpy 0\.0\.1, but .* has 2\."):
        deploy(backend, "qa", backend.images.publish(bundle, model))


def test_a_path_may_have_spaces_and_letters_of_any_language(project: Path, tmp_path: Path) -> None:
    odd = Workspace(project, tmp_path / "home ü 100%", tmp_path / "outputs")
    backend = open_backend("local", odd)
    image = publish(backend, tmp_path, 7.5)
    assert backend.images.list_files(image)[:2] == ["example.json", "manifest.json"]
    assert ask(backend, deploy(backend, "qa", image)) == 7.5
    backend.services.stop("qa")


def test_a_version_is_not_made_where_another_champion_has_come(backend: Backend, tmp_path: Path) -> None:
    register(backend, tmp_path, 1.0)
    backend.registry.promote("tiny", 1, expected=0)
    late = track(backend, tmp_path, 2.0)
    with pytest.raises(ConflictError, match="compared with version 0, but the champion is now version 1"):
        backend.registry.register("tiny", late, {}, expected=0)
    with pytest.raises(ModelNotFoundError):
        backend.registry.get_version("tiny", 2)


def test_a_second_roll_back_goes_further_back(backend: Backend, tmp_path: Path) -> None:
    for number in (1.0, 2.0, 3.0):
        release(backend, publish(backend, tmp_path, number))
    assert backend.services.roll_back("production").image == "tiny:2"
    assert backend.services.roll_back("production").image == "tiny:1"
    with pytest.raises(DeploymentNotFoundError, match="nothing to roll back to"):
        backend.services.roll_back("production")


def test_a_service_with_old_keys_is_started_anew(migrated: Workspace, tmp_path: Path) -> None:
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    deploy(backend, "qa", image)
    keys = migrated.home / "secrets" / "qa-keys.json"
    keys.unlink()
    backend.secrets.get_keys("qa")
    later = keys.stat().st_mtime + 5
    os.utime(keys, (later, later))
    assert ask(backend, deploy(backend, "qa", image)) == 1.0
    backend.services.stop("qa")


@pytest.mark.parametrize("name", ["mlflow.db", "services/qa.json", "secrets/qa-keys.json"])
def test_damaged_state_is_named(workspace: Workspace, name: str) -> None:
    path = workspace.home / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x00garbage" * 200)
    backend = open_backend("local", workspace)
    with pytest.raises(IntegrityError, match=f"{path.name} (is damaged|cannot be used)"):
        backend.registry.find_champion("tiny"), backend.services.list_services(), backend.secrets.get_keys("qa")


def test_a_secret_too_short_to_strike_out_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_SECRET_SHORT", "e")
    with pytest.raises(UsageError, match="MLOPS_SECRET_SHORT has 1 characters; a secret needs 8 or more"):
        list(open_backend("local", workspace).secrets.list_values())
