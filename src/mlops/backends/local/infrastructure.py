"""MLOPS_HOME, made and taken away; the data set's versions in it."""

import re
import shutil
from pathlib import Path

from filelock import FileLock

from mlops.errors import NotFoundError, UsageError
from mlops.files import hash_file, write_atomically
from mlops.platform.billing import Billable, Usage
from mlops.platform.datasets import DatasetVersion
from mlops.platform.infrastructure import Change
from mlops.platform.services import ENVIRONMENTS, Services
from mlops.workspace import Workspace


class LocalInfrastructure:
    """See `mlops.platform.infrastructure.Infrastructure`.

    Parameters
    ----------
    workspace : Workspace
        The project and its MLOPS_HOME.
    services : Services
        What ends before the state that it serves from goes.
    """

    def __init__(self, workspace: Workspace, services: Services) -> None:
        self._workspace = workspace
        self._home = workspace.home
        self._datasets = workspace.home / "datasets"
        self._services = services

    def preview(self) -> list[Change]:
        """See `Infrastructure`."""
        return [Change("none" if self._home.is_dir() else "create", "folder", str(self._home))]

    def provision(self) -> list[Change]:
        """See `Infrastructure`."""
        changes = [change for change in self.preview() if change.kind != "none"]
        self._home.mkdir(parents=True, exist_ok=True)
        return changes

    def require_ready(self) -> None:
        """See `Infrastructure`: nothing stands in the way."""

    def find_training_data(self) -> str:
        """See `Infrastructure`: the sample, which the notebook writes."""
        return ""

    def register_dataset(self, file: Path, *, only_first: bool = False) -> DatasetVersion:
        """See `Infrastructure`."""
        self._datasets.mkdir(parents=True, exist_ok=True)
        with FileLock(self._datasets / "lock"):
            versions = self._list_versions()
            if versions and (only_first or hash_file(self._find_file(versions[-1])) == hash_file(file)):
                return self.find_dataset("latest")
            version = versions[-1] + 1 if versions else 1
            write_atomically(self._datasets / str(version) / file.name, file.read_bytes())
            return self.find_dataset(str(version))

    def find_dataset(self, version: str) -> DatasetVersion:
        """See `Infrastructure`."""
        versions = self._list_versions()
        wanted = versions[-1:] if version in ("", "latest") else [known for known in versions if str(known) == version]
        if not wanted:
            there = f"there is: {', '.join(map(str, versions))}" if versions else "run `mlops provision`"
            raise NotFoundError(f"the data set has no version {version or 'latest'!r} in {self._datasets}; {there}")
        file = self._find_file(wanted[0])
        return DatasetVersion(file.stem, wanted[0], str(file))

    def list_billable(self, usage: Usage) -> list[Billable]:
        """See `Infrastructure`: nothing."""
        return []

    def preview_delete(self) -> list[Change]:
        """See `Infrastructure`."""
        if not self._home.is_dir():
            return []
        served = [service.environment for service in self._services.list_services() if service.health != "stopped"]
        folder = Change("delete", "folder", str(self._home))
        return [*(Change("delete", "service", environment) for environment in served), folder]

    def delete(self) -> list[Change]:
        """See `Infrastructure`.

        Raises
        ------
        UsageError
            If MLOPS_HOME is a folder that holds more than the platform's state.
        """
        changes = self.preview_delete()
        if not changes:
            return []
        self._require_own_folder()
        for environment in ENVIRONMENTS:
            self._services.stop(environment)
        shutil.rmtree(self._home)
        return changes

    def _require_own_folder(self) -> None:
        precious = (self._workspace.project, self._workspace.outputs, Path.home(), Path.cwd())
        held = next((path for path in precious if path.resolve().is_relative_to(self._home)), None)
        if held:
            raise UsageError(
                f"MLOPS_HOME is {self._home}, which holds {held}: it is not taken away as a whole; "
                "delete what you want to be rid of by hand"
            )

    def _list_versions(self) -> list[int]:
        found = [path for path in self._datasets.glob("*") if re.fullmatch(r"[1-9]\d*", path.name)]
        return sorted(int(path.name) for path in found if self._list_files(path))

    def _find_file(self, version: int) -> Path:
        return self._list_files(self._datasets / str(version))[0]

    def _list_files(self, folder: Path) -> list[Path]:
        """Return the data files in a folder; one that was cut off while it was written has a dot before its name."""
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
