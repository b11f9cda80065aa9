"""Collection on this machine: settings that cannot work are refused, and a URL needs no package of the image."""

from pathlib import Path

import pytest
from collected import list_requests, read_uploads
from tiny_model import ask, deploy, publish
from waiting import wait_until

from mlops.backends import open_backend
from mlops.backends.local.environments.environments import LocalEnvironments
from mlops.backends.local.images import LocalImages
from mlops.backends.local.secrets import LocalSecrets
from mlops.backends.local.services.collections import LocalCollections
from mlops.backends.local.services.deployments import LocalDeployment, LocalState
from mlops.backends.local.services.host import LocalHost
from mlops.backends.local.services.processes import find_servers
from mlops.backends.local.settings import LocalSettings
from mlops.errors import DeploymentError, SecretNotFoundError, UsageError
from mlops.serving.collection.settings import read_settings
from mlops.workspace import Workspace


@pytest.mark.parametrize(
    ("setting", "error", "said"),
    [
        ("xyz://host/path", UsageError, "MLOPS_LOCAL_COLLECT_URL is 'xyz://host/path', but xyz:// is not supported"),
        (
            "some/folder",
            UsageError,
            "COLLECT_URL is 'some/folder'. Write an absolute path, or a URL such as az:",
        ),
        (
            "file://some/folder",
            UsageError,
            "COLLECT_URL is 'file://some/folder', but 'some' is the name of a machine there. For a folder of this "
            "machine, write three slashes: file:///some/folder$",
        ),
    ],
)
def test_a_url_that_cannot_work_is_refused_before_the_service_starts_and_by_readers(
    migrated: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    error: type[Exception],
    said: str,
) -> None:
    monkeypatch.setenv("MLOPS_LOCAL_COLLECT_URL", setting)
    backend = open_backend("local", migrated)
    with pytest.raises(error, match=said):
        deploy(backend, "qa", publish(backend, tmp_path))
    assert backend.services.list_services() == []
    assert backend.collections
    with pytest.raises(error, match=said):
        backend.collections.find_place("qa")


def test_hashed_columns_need_a_key(migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LOCAL_COLLECT_HASHED", "age")
    backend = open_backend("local", migrated)
    with pytest.raises(SecretNotFoundError, match="Set the environment variable MLOPS_SECRET_COLLECTION_KEY"):
        deploy(backend, "qa", publish(backend, tmp_path))


def test_the_key_is_a_setting_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_settings(settings: LocalSettings) -> dict[str, str]:
        secrets = LocalSecrets(tmp_path)
        stores = LocalImages(tmp_path), secrets, LocalEnvironments(tmp_path)
        host = LocalHost(tmp_path, settings, *stores, LocalCollections(tmp_path, settings, secrets))
        return host.look("qa").list_settings()

    name, hashing = "SHA-256 of collection-key", LocalSettings(collect_hashed="age")
    assert name not in list_settings(hashing)  # a deployment says that the key is missing
    monkeypatch.setenv("MLOPS_SECRET_COLLECTION_KEY", "the-first-key")
    first = list_settings(hashing)
    monkeypatch.setenv("MLOPS_SECRET_COLLECTION_KEY", "the-second-key")
    state = LocalState(current=LocalDeployment("sha256:1", "tiny:1", 1, "", settings=first))
    assert state.list_changes(list_settings(hashing)) == (f"{name} b05239df (was {first[name]})",)
    assert "telemetry_share" in first
    assert name not in list_settings(LocalSettings())
    assert name not in list_settings(LocalSettings(collect_hashed="age", collect_share=0.0))


def test_a_column_that_does_not_exist_is_refused(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_LOCAL_COLLECT_OMITTED", "age, name")
    backend = open_backend("local", migrated)
    said = "The collection cannot start. There is no column 'age' to leave out or to hash. The columns are: a."
    with pytest.raises(DeploymentError, match=said) as caught:
        deploy(backend, "qa", publish(backend, tmp_path))
    assert "Traceback" not in str(caught.value)


def test_nothing_is_collected_with_a_share_of_zero(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_LOCAL_COLLECT_SHARE", "0")
    backend = open_backend("local", migrated)
    service = deploy(backend, "qa", publish(backend, tmp_path))
    try:
        assert ask(backend, service) == 1.0
    finally:
        backend.services.stop("qa")
    assert not (migrated.home / "collected").exists()


def test_a_url_of_fsspec_needs_no_package_in_the_image(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheme local:// is a folder that only fsspec knows."""
    monkeypatch.setenv("MLOPS_LOCAL_COLLECT_URL", f"local://{tmp_path}/uploads")
    backend = open_backend("local", migrated)
    service = deploy(backend, "qa", publish(backend, tmp_path))
    try:
        assert ask(backend, service) == 1.0
    finally:
        backend.services.stop("qa")
    settings = read_settings(find_settings_file(migrated))
    assert [*settings.uploader][1:] == ["-m", "mlops.serving.collection"]
    wait_until(lambda: len(list_requests([*read_uploads(str(tmp_path / "uploads" / "qa")).values()])) == 1)


def find_settings_file(workspace: Workspace) -> Path:
    """Return the only file with settings of the collection in QA, which nobody else can read."""
    (file,) = workspace.home.glob("services/qa/*/collection.json")
    assert file.stat().st_mode & 0o777 == 0o600
    return file


def test_only_a_deployment_that_succeeds_changes_the_settings_of_the_service(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The uploader of a service reads its settings again if it is killed."""

    def deploy_to(name: str, omitted: str = "") -> None:
        monkeypatch.setenv("MLOPS_LOCAL_COLLECT_URL", str(tmp_path / name))
        monkeypatch.setenv("MLOPS_LOCAL_COLLECT_OMITTED", omitted)
        backend = open_backend("local", migrated)
        deploy(backend, "qa", image)

    backend = open_backend("local", migrated)
    image, old = publish(backend, tmp_path), migrated.home / "secrets" / "qa-collection.json"
    old.parent.mkdir(exist_ok=True)
    old.write_text("an older version of the engine wrote it")
    try:
        deploy_to("first")
        first = find_settings_file(migrated)
        assert not old.exists()
        with pytest.raises(DeploymentError, match="There is no column 'age'"):
            deploy_to("failing", omitted="age")
        assert read_settings(first).url == str(tmp_path / "first" / "qa")
        (supervisor,) = find_servers(migrated.home / "services" / "qa")
        assert [child for child in supervisor.children() if str(find_settings_file(migrated)) in child.cmdline()]
        deploy_to("second")
        assert read_settings(find_settings_file(migrated)).url == str(tmp_path / "second" / "qa")
    finally:
        backend.services.stop("qa")
    assert find_settings_file(migrated) != first
