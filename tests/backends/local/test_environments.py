"""Environments of services: exactly the packages of a lock, complete or not there, linked where possible."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiny_model import PINS, deploy, make_bundle, publish

from mlops.backends import open_backend
from mlops.backends.local.environments import environments, installer
from mlops.backends.local.environments.environments import LocalEnvironments
from mlops.backends.local.environments.links import link_packages
from mlops.errors import DeploymentError, ProblemError
from mlops.platform.service_processes import ServiceEnvironment
from mlops.workspace import Workspace

SMALL = "h11"  # a package of few files
SMALL_PIN = next(pin for pin in PINS if pin.startswith(SMALL))


def write_lock(folder: Path, *pins: str, sha256: str = "0" * 64) -> Path:
    folder.mkdir(exist_ok=True)
    lock = folder / "service.lock"
    lock.write_text("".join(f"{pin} \\\n    --hash=sha256:{sha256}\n" for pin in pins))
    return lock


def run(made: ServiceEnvironment, program: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([made.python, "-E", "-c", program], capture_output=True, text=True, check=False, cwd=folder)


def make_wheel(folder: Path, content: str = "VALUE = 7\n") -> tuple[Path, str]:
    """Make a wheel of the package `tinywheel` 1.0, and return it with its hash."""
    folder.mkdir()
    wheel = folder / "tinywheel-1.0-py3-none-any.whl"
    info = "tinywheel-1.0.dist-info"
    files = {
        "tinywheel.py": content,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinywheel\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}"
        for name, text in files.items()
    ]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"}.items():
            archive.writestr(name, text)
    return wheel, hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_an_environment_has_the_packages_of_its_lock_and_no_others(tmp_path: Path) -> None:
    stored = LocalEnvironments(tmp_path / "environments")
    made = stored.create(write_lock(tmp_path, *PINS))
    assert (made.packages, made.linked) == (7, 7)
    assert made.describe().startswith("Created the environment of the service in ")
    assert made.describe().endswith("s (7 packages: 7 linked from the environment of this program, 0 installed).")
    ran = run(made, "import numpy, uvicorn, msgspec, sys; print(numpy.__file__, sys.prefix)", tmp_path)
    assert ran.stdout.split() == [str(next(made.folder.rglob("numpy/__init__.py"))), str(made.folder)]
    for module in ("pandas", "mlops", "progression", "pip"):
        assert f"No module named '{module}'" in run(made, f"import {module}", tmp_path).stderr


def test_an_environment_is_used_again(tmp_path: Path) -> None:
    lock = write_lock(tmp_path, SMALL_PIN)
    made = LocalEnvironments(tmp_path / "environments").create(lock)
    again = LocalEnvironments(tmp_path / "environments").create(lock)
    assert made.seconds > 0
    assert again == ServiceEnvironment(made.folder, 1, 1)
    assert again.describe() == "The environment of the service exists already (1 packages)."
    other = LocalEnvironments(tmp_path / "environments").create(write_lock(tmp_path, SMALL_PIN, sha256="1" * 64))
    assert other.folder != made.folder


@pytest.mark.parametrize("damage", ["deleted", "changed", "added", "interpreter", "record", "bytecode"])
def test_a_damaged_environment_is_created_again(tmp_path: Path, damage: str) -> None:
    lock = write_lock(tmp_path, SMALL_PIN)
    stored = LocalEnvironments(tmp_path / "environments")
    made = stored.create(lock)
    package = next(made.folder.rglob(f"{SMALL}/__init__.py"))
    before = package.read_bytes()
    if damage == "deleted":
        package.unlink()
    elif damage == "changed":
        package.unlink()  # the file of .venv stays as it is
        package.write_text("")
    elif damage == "added":
        (package.parents[1] / "pandas.py").write_text("")
    elif damage == "interpreter":
        made.python.unlink()
        made.python.symlink_to(tmp_path / "gone")
    elif damage == "record":
        (made.folder / "environment.json").write_text("{")
    else:
        cached = next(made.folder.rglob(f"{SMALL}/__pycache__/__init__.*.pyc"))
        cached.unlink()
        cached.write_bytes(b"")
    again = stored.create(lock)
    assert (again.folder, again.seconds > 0) == (made.folder, True)
    assert package.read_bytes() == before
    assert run(again, f"import {SMALL}", tmp_path).returncode == 0
    assert stored.create(lock).seconds == 0
    assert [path.name for path in stored.list_stored()] == [made.folder.name]


def test_bytecode_that_python_adds_is_no_damage(tmp_path: Path) -> None:
    lock = write_lock(tmp_path, SMALL_PIN)
    stored = LocalEnvironments(tmp_path / "environments")
    package = next(stored.create(lock).folder.rglob(f"{SMALL}/__init__.py"))
    (package.parent / "__pycache__" / "added.pyc").write_bytes(b"")
    assert stored.create(lock).seconds == 0


class Killed(BaseException):
    """Simulates `kill -9`, after which nothing is cleaned up."""


def test_an_unfinished_environment_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*paths: object) -> None:
        raise Killed

    lock = write_lock(tmp_path, SMALL_PIN)
    stored = LocalEnvironments(tmp_path / "environments")
    with monkeypatch.context() as patch:
        patch.setattr(environments, "_scan", kill)
        patch.setattr(environments.shutil, "rmtree", lambda path, ignore_errors=False: None)
        with pytest.raises(Killed):
            stored.create(lock)
    assert stored.list_stored() == []
    assert len(list((tmp_path / "environments").glob(".new-*"))) == 1
    assert stored.create(lock).seconds > 0
    assert list((tmp_path / "environments").glob(".new-*")) == []


def test_an_interrupted_creation_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*words: object) -> list[str]:
        raise KeyboardInterrupt

    stored = LocalEnvironments(tmp_path / "environments")
    monkeypatch.setattr(environments, "link_packages", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stored.create(write_lock(tmp_path, SMALL_PIN))
    assert [path.name for path in (tmp_path / "environments").iterdir()] == ["environments.lock"]


def test_two_runs_create_an_environment_once(tmp_path: Path) -> None:
    lock = write_lock(tmp_path, *PINS)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: LocalEnvironments(tmp_path / "environments").create(lock), range(4)))
    assert sorted(found.seconds > 0 for found in made) == [False, False, False, True]
    assert len({found.folder for found in made}) == 1
    assert run(made[0], "import numpy", tmp_path).returncode == 0


def test_a_package_that_is_not_installed_here_is_installed_by_uv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, sha256 = make_wheel(tmp_path / "wheels")
    monkeypatch.setenv("UV_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    lock = tmp_path / "service.lock"
    lock.write_text(f"{SMALL_PIN} --hash=sha256:{'0' * 64}\ntinywheel==1.0 --hash=sha256:{sha256}\n")
    made = LocalEnvironments(tmp_path / "environments").create(lock)
    assert (made.packages, made.linked) == (2, 1)
    assert run(made, f"import tinywheel, {SMALL}; print(tinywheel.VALUE)", tmp_path).stdout == "7\n"
    assert list(made.folder.rglob("__pycache__/tinywheel.*.pyc"))  # the server writes no bytecode
    lock.write_text(f"tinywheel==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(DeploymentError, match=r"not installed here: tinywheel==1\.0\. .*[Hh]ash mismatch"):
        LocalEnvironments(tmp_path / "environments").create(lock)
    assert len(list((tmp_path / "environments").iterdir())) == 2  # the first one and the lock


@pytest.mark.parametrize("cached", [True, False])
def test_the_network_is_used_only_for_what_the_cache_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    commands = []

    def run_uv(command: list[str], **options: object) -> "subprocess.CompletedProcess[str]":
        commands.append(command)
        fails = "--offline" in command and not cached
        return subprocess.CompletedProcess(command, int(fails), "", "not in the cache\n" if fails else "")

    monkeypatch.setattr(installer.subprocess, "run", run_uv)
    assert installer.install_packages(Path("python"), tmp_path) == ""
    assert ["--offline" in command for command in commands] == ([True] if cached else [True, False])


def test_a_lock_without_hashes_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "service.lock"
    lock.write_text(f"{SMALL_PIN}\n")
    with pytest.raises(ProblemError) as raised:
        LocalEnvironments(tmp_path / "environments").create(lock)
    assert str(raised.value) == (
        f"{lock} has no hash for {SMALL}. Write the file with `uv pip compile --generate-hashes`."
    )


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    stored = LocalEnvironments(tmp_path / "environments")
    lock = write_lock(tmp_path, SMALL_PIN, "numpy==0.0.1", "no-such-package==1.0")
    with pytest.raises(DeploymentError) as caught:
        stored.create(lock)
    expected = "The service needs packages that are not installed here: numpy==0.0.1, no-such-package==1.0. They"
    assert str(caught.value).startswith(expected)
    monkeypatch.setattr(installer, "find_uv", lambda: "")
    with pytest.raises(DeploymentError, match=r"could not be installed \(uv is not installed\)"):
        stored.create(lock)


@pytest.mark.parametrize("change", ["", "longer", "missing", "editable"])
def test_a_package_that_was_changed_here_is_not_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    wheel, _ = make_wheel(tmp_path / "wheels")
    site, target = tmp_path / "site", tmp_path / "target"
    target.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    if change == "longer":
        (site / "tinywheel.py").write_text("VALUE = 8  # an attempt\n")
    elif change == "missing":
        (site / "tinywheel.py").unlink()
    elif change == "editable":
        (site / "tinywheel-1.0.dist-info" / "direct_url.json").write_text("{}")
    monkeypatch.syspath_prepend(str(site))
    assert link_packages({"tinywheel": "1.0"}, target) == ([] if change else ["tinywheel"])
    assert link_packages({"tinywheel": "1.1"}, target) == []
    assert (target / "tinywheel.py").exists() == (not change)


def test_a_package_whose_program_was_rewritten_is_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line of a program in `bin/` is the path of the environment, which can be moved."""
    wheel, _ = make_wheel(tmp_path / "wheels")
    site, target = tmp_path / "lib" / "python3" / "site-packages", tmp_path / "target"
    target.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    with (site / "tinywheel-1.0.dist-info" / "RECORD").open("a") as record:
        record.write("../../../bin/tiny,sha256=0,12\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tiny").write_text("#!/another/place/bin/python\n")
    monkeypatch.syspath_prepend(str(site))
    assert link_packages({"tinywheel": "1.0"}, target) == ["tinywheel"]
    assert (target / "tinywheel.py").exists()


def test_files_on_another_file_system_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    made = LocalEnvironments(tmp_path / "environments").create(write_lock(tmp_path, SMALL_PIN))
    package = next(made.folder.rglob(f"{SMALL}/__init__.py"))
    assert package.stat().st_nlink == 1
    assert run(made, f"import {SMALL}", tmp_path).returncode == 0


def test_the_environments_are_in_the_home_unless_a_folder_is_set(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = write_lock(tmp_path, SMALL_PIN)
    for variable, folder in (("", migrated.home / "environments"), (str(tmp_path / "shared"), tmp_path / "shared")):
        monkeypatch.setenv("MLOPS_LOCAL_ENVIRONMENTS", variable)
        backend = open_backend("local", migrated)
        assert backend.environments is not None
        assert backend.environments.create(lock).folder.parent == folder


def test_a_script_that_imports_what_its_lock_does_not_name_fails_in_qa(migrated: Workspace, tmp_path: Path) -> None:
    """The program of this test has pandas and the project, but the service does not see them."""
    backend = open_backend("local", migrated)
    model = backend.registry.get_version("tiny", publish(backend, tmp_path).model_version)
    for module in ("pandas", "mlops", "progression"):
        script = f"import importlib\ndef init(): importlib.import_module({module!r})\ndef run(data): ..."
        image = backend.images.publish(make_bundle(tmp_path, model, 1.0, script), model)
        with pytest.raises(DeploymentError, match=f"ModuleNotFoundError: No module named '{module}'"):
            deploy(backend, "qa", image)
    assert "pandas" in sys.modules or shutil.which("python")


def test_environments_that_no_image_needs_are_pruned(
    migrated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_LOCAL_ENVIRONMENTS", "")
    backend = open_backend("local", migrated)
    assert backend.environments is not None
    assert backend.leftovers is not None
    image = publish(backend, tmp_path)
    bundle = Path(image.url.removeprefix("file://"))
    used = backend.environments.create(bundle / "requirements.txt")
    unused = backend.environments.create(write_lock(tmp_path / "other", SMALL_PIN))
    for made in (used, unused):
        os.utime(made.folder, (1000, 1000))
    (found,) = backend.leftovers.delete(2000, {image.digest})
    assert (found.kind, found.name, found.last_used) == ("environment", unused.folder.name, 1000)
    assert (used.folder.exists(), unused.folder.exists()) == (True, False)
    assert [found.kind for found in backend.leftovers.delete(time.time() + 60, set())] == ["image", "environment"]
    assert not used.folder.exists()
