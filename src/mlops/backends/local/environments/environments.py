"""The virtual environments of services: one for each list of pinned packages, in a folder named by a hash."""

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from mlops.backends.local.environments.installer import install_packages
from mlops.backends.local.environments.links import link_packages
from mlops.errors import DeploymentError, IntegrityError
from mlops.files.disk import explain_full_disk
from mlops.files.hashes import hash_content
from mlops.files.records import read_record
from mlops.image.bundle import read_pins
from mlops.image.check import require_hashes
from mlops.platform.service_processes import ServiceEnvironment
from mlops.record.removal import finish_removals, remove_whole

RECORD = "environment.json"
UNFINISHED = ".new-"  # prefix of the names of folders in which environments are created
KEY_LENGTH = 16


@dataclass(frozen=True)
class EnvironmentRecord:
    """The content of ``environment.json``.

    Parameters
    ----------
    packages, linked : int
        The number of packages, and how many of them are linked.
    files : dict
        The size in bytes and the modification time in nanoseconds of each file, by its path in the environment.
    """

    packages: int
    linked: int
    files: dict[str, tuple[int, int]]


class LocalEnvironments:
    """See `mlops.platform.service_processes.ServiceEnvironments`.

    Parameters
    ----------
    folder : Path
        The folder of all environments.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, requirements: Path) -> ServiceEnvironment:
        """See `ServiceEnvironments`."""
        folder = self.locate(requirements)
        found = _read_if_complete(folder)
        if found is None:
            with explain_full_disk(self._folder), self.lock():
                found = _read_if_complete(folder)  # another process may have created it meanwhile
                if found is None:
                    return self._create_while_locked(folder, requirements)
        with suppress(OSError):
            os.utime(folder)  # so that `mlops prune` does not regard it as old
        return ServiceEnvironment(folder, found.packages, found.linked)

    def locate(self, requirements: Path) -> Path:
        """Return the folder of the environment for a list of pinned packages. The folder need not exist."""
        interpreter = f"{sys.implementation.cache_tag} {platform.python_version()} {platform.machine()} {sys.platform}"
        key = hash_content(requirements.read_bytes() + b"\0" + interpreter.encode())[:KEY_LENGTH]
        return self._folder / key

    def list_stored(self) -> list[Path]:
        """Return the folders of all environments."""
        return sorted(path.parent for path in self._folder.glob(f"[!.]*/{RECORD}"))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock that is needed to create or delete environments."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "environments.lock"):
            yield

    def _create_while_locked(self, folder: Path, requirements: Path) -> ServiceEnvironment:
        began = time.monotonic()
        for path in self._folder.glob(f"{UNFINISHED}*"):  # its process was killed
            shutil.rmtree(path, ignore_errors=True)
        finish_removals(self._folder)
        scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix=UNFINISHED))
        try:
            record = _install_python_and_packages(scratch, requirements)
            (scratch / RECORD).write_text(json.dumps(asdict(record)), encoding="utf-8")
            scratch.chmod(0o755)
            if folder.exists():
                remove_whole(folder)  # it is damaged
            scratch.rename(folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        return ServiceEnvironment(folder, record.packages, record.linked, time.monotonic() - began)


def _install_python_and_packages(folder: Path, requirements: Path) -> EnvironmentRecord:
    import venv

    require_hashes(requirements)
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    pins = read_pins(requirements)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    linked = link_packages(pins, folder / "lib" / version / "site-packages")
    missing = [f"{name}=={pin}" for name, pin in pins.items() if name not in linked]
    if missing and (reason := install_packages(folder / "bin" / "python", requirements)):
        raise DeploymentError(
            f"The service needs packages that are not installed here: {', '.join(missing)}. They could not be "
            f"installed ({reason}). Connect this machine to a package index and try again, or pin the versions that "
            f"are installed in {sys.prefix}."
        )
    return EnvironmentRecord(len(pins), len(linked), dict(_scan(str(folder))))


def _read_if_complete(folder: Path) -> EnvironmentRecord | None:
    try:
        record = read_record(folder / RECORD, EnvironmentRecord)
    except (FileNotFoundError, IntegrityError):
        return None
    if not (folder / "bin" / "python").exists():  # the interpreter that it was created with was deleted
        return None
    found = {path: state for path, state in _scan(str(folder)) if path in record.files or not _is_bytecode(path)}
    return record if found == record.files else None


def _is_bytecode(path: str) -> bool:
    return path.endswith(".pyc")


def _scan(folder: str, prefix: str = "") -> Iterator[tuple[str, tuple[int, int]]]:
    for entry in os.scandir(folder):
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _scan(entry.path, f"{name}/")
        elif name != RECORD:
            found = entry.stat(follow_symlinks=False)
            yield name, (found.st_size, found.st_mtime_ns)
