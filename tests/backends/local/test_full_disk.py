"""A disk that fills up during a run: each part of the platform says so, and leaves nothing incomplete."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tiny_model import deploy, make_bundle, publish, track

from mlops.backends import open_backend
from mlops.backends.local.services import processes
from mlops.backends.local.services.deployments import LocalDeployment, LocalState
from mlops.backends.local.services.processes import READY
from mlops.errors import DeploymentError, PlatformError
from mlops.files.hashes import hash_folder
from mlops.platform.backend import Backend
from mlops.workspace import Workspace


def fail(*_: object, **__: object) -> None:
    """Fail as a write to a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def register_data(backend: Backend, folder: Path) -> None:
    """Register a data file."""
    (folder / "new.csv").write_text("A\n1\n")
    backend.datasets.register(str(folder / "new.csv"))


def record_test(backend: Backend, folder: Path) -> None:
    """Record that the service in QA passed its test."""
    backend.services.record_test("qa", backend.services.list_services()[0].digest, passed=True)


def publish_image(backend: Backend, folder: Path) -> None:
    """Publish an image of the version that is registered."""
    model = backend.registry.get_version("tiny", 1)
    backend.images.publish(make_bundle(folder, model, 2.0), model)


# What is written, the function that meets the full disk, and the folder that the message names.
WRITES: dict[str, tuple[str, Callable[[Backend, Path], object], str]] = {
    "a training": ("shutil.copy2", lambda backend, folder: track(backend, folder, 2.0), ""),
    "its rows": ("os.fsync", lambda backend, _: backend.tracker.keep_rows(b"rows"), "training-rows"),
    "data": ("os.fsync", register_data, "datasets"),
    "an image": ("shutil.copytree", publish_image, "images"),
    "the result of a test": ("os.fsync", record_test, "services"),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_disk_that_fills_up_is_named_and_nothing_is_incomplete(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    function, write, named = WRITES[what]
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path)
    if what == "the result of a test":
        deploy(backend, "qa", image)
    before = hash_folder(migrated.home)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(function, fail)
            with pytest.raises(PlatformError, match=f"^The disk of {migrated.home / named} is full. Free some space"):
                write(backend, tmp_path)
        after = hash_folder(migrated.home)
        changed = {name for name in before if after.get(name) != before[name]}
        assert {name for name in changed if "/metrics/" not in name} <= {"mlflow.db"}  # a service counts all the time
        assert not [name for name in after if "/." in name or name.startswith(".")]
        write(backend, tmp_path)
    finally:
        backend.services.stop("qa")


def test_a_service_that_is_stopped_on_a_full_disk_does_not_run(
    migrated: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_backend("local", migrated)
    assert backend.processes
    services = migrated.home / "services"
    (services / "qa" / "20261127T120000Z").mkdir(parents=True)
    (services / "qa" / "20261127T120000Z" / READY).write_text('{"pid": 2000000000, "port": 1}')
    current = LocalDeployment("sha256:1", "tiny:1", 1, "", home=str(migrated.home))
    (services / "qa.json").write_bytes(msgspec.json.encode(LocalState(current=current)))
    assert backend.processes.find_state("qa") == "died"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        said = "^The service in qa does not run, but this could not be recorded. The disk of .*/services is full. Free"
        with pytest.raises(PlatformError, match=said):
            backend.services.stop("qa")
        assert backend.processes.find_state("qa") == "stopped"
    assert backend.services.stop("qa") is False


def test_a_server_that_cannot_write_to_a_full_disk_says_so(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log is empty then, because the log is on the same disk."""
    script = "import os\ndef init(): os._exit(1)\ndef run(data): ..."
    backend = open_backend("local", migrated)
    image = publish(backend, tmp_path, script=script)
    monkeypatch.setattr(processes, "is_full", lambda folder: True)
    said = (
        r"^The service of tiny:1 ended with exit code 1, and the disk of \S+ is full\. Free some space and try again\.$"
    )
    with pytest.raises(DeploymentError, match=said):
        deploy(backend, "qa", image)
