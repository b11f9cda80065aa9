"""The services of the local platform, their logs, and the states of their processes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock

from mlops.backends.local.environments.environments import LocalEnvironments
from mlops.backends.local.images import LocalImages
from mlops.backends.local.secrets import LocalSecrets
from mlops.backends.local.services.collections import LocalCollections
from mlops.backends.local.services.site import LocalSite
from mlops.backends.local.settings import LocalSettings
from mlops.errors import DeploymentNotFoundError
from mlops.files.lines import follow_lines, read_lines
from mlops.platform.service_processes import ProcessState

FOLLOW_SECONDS = 0.3


class LocalHost:
    """See `mlops.release.host.Host`."""

    restore_seconds = 30.0

    def __init__(
        self,
        home: Path,
        settings: LocalSettings,
        images: LocalImages,
        secrets: LocalSecrets,
        environments: LocalEnvironments,
        collections: LocalCollections,
        command_options: str = "",
    ) -> None:
        self.command_options = command_options
        self._folder = home / "services"
        self._settings = settings
        self._images = images
        self._secrets = secrets
        self._environments = environments
        self._collections = collections

    def look(self, environment: str) -> LocalSite:
        """See `Host`."""
        stores = self._images, self._secrets, self._environments, self._collections
        return LocalSite(self._folder, environment, self._settings, *stores)

    @contextmanager
    def lock(self, environment: str) -> Iterator[LocalSite]:
        """See `Host`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / f"{environment}.lock"):
            yield self.look(environment)

    def read_log(self, environment: str, count: int) -> list[str]:
        """See `mlops.platform.service_processes.ServiceLogs`."""
        return read_lines(self._find_log(environment), count)

    def follow_log(self, environment: str, count: int) -> Iterator[str]:
        """See `mlops.platform.service_processes.ServiceLogs`."""
        return follow_lines(partial(self._find_log, environment), count, partial(time.sleep, FOLLOW_SECONDS))

    def _find_log(self, environment: str) -> Path:
        site = self.look(environment)
        log = site.find_log(site.read())
        if log is None:
            said = f"The service in {environment} has no log, because it was never started."
            raise DeploymentNotFoundError(f"{said} Start it with `mlops run release{self.command_options}`.")
        return log

    def find_state(self, environment: str) -> ProcessState:
        """See `mlops.platform.service_processes.ServiceProcesses`."""
        site = self.look(environment)
        state = site.read()
        if not (state.process and state.process.alive):
            # `mlops stop` ends the process first, and holds this lock until it has recorded the stop.
            with self.lock(environment) as site:
                state = site.read()
        if state.process and state.process.alive:
            return "running"
        return "stopped" if site.is_stopped(state) else "died"
