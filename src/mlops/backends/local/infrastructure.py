"""The creation and deletion of MLOPS_HOME."""

import shutil
from pathlib import Path

from mlops.backends.local.store.database import require_writable
from mlops.backends.local.store.failures import DATABASE
from mlops.backends.local.store.schema import require_schema
from mlops.errors import UsageError
from mlops.platform.infrastructure import Change
from mlops.platform.services import ENVIRONMENTS, Services
from mlops.workspace import Workspace, mark_home


class LocalInfrastructure:
    """See `mlops.platform.infrastructure.Infrastructure`.

    Parameters
    ----------
    workspace : Workspace
        The project and its MLOPS_HOME.
    services : Services
        The services, which are stopped before their files are deleted.
    """

    def __init__(self, workspace: Workspace, services: Services) -> None:
        self._workspace = workspace
        self._home = workspace.home
        self._services = services

    def preview(self) -> list[Change]:
        """See `Infrastructure`."""
        return [Change("none" if self._home.is_dir() else "create", "folder", str(self._home))]

    def provision(self) -> list[Change]:
        """See `Infrastructure`."""
        changes = [change for change in self.preview() if change.kind != "none"]
        mark_home(self._home)
        return changes

    def require_ready(self) -> None:
        """See `Infrastructure`. MLflow's database must be unlocked, writable, undamaged, and up to date."""
        require_schema(self._home / DATABASE)
        require_writable(self._home / DATABASE)

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
            If MLOPS_HOME also contains the project, its outputs, your home folder or the current folder.
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
                f"MLOPS_HOME ({self._home}) contains {held}, so it cannot be deleted as a whole. "
                "Delete by hand what you no longer need."
            )
