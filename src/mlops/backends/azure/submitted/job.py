"""One step of a submitted run, on the machine that executes it."""

import logging
from collections.abc import Mapping
from pathlib import Path

from mlops.backends.azure.connection.retries import repeat
from mlops.backends.azure.connection.sdk_objects import SdkRun
from mlops.backends.azure.connection.session import AzureSession, find_own_run
from mlops.backends.azure.submitted.conclusion_tags import write_conclusion
from mlops.backends.azure.submitted.run_folder import fetch_folder, store_folder
from mlops.errors import PlatformError
from mlops.files.hashes import hash_folder
from mlops.record.conclusion import Conclusion

logger = logging.getLogger(__name__)


class AzureJobs:
    """See `mlops.platform.jobs.Jobs`."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def find_job(self) -> "AzureJob | None":
        """See `Jobs`."""
        step = find_own_run()
        run = step.parent if step is not None else None
        return AzureJob(self._session, run, step) if step is not None and run is not None else None


class AzureJob:
    """One step of a submitted run. See `mlops.platform.jobs.Job`."""

    def __init__(self, session: AzureSession, run: SdkRun, step: SdkRun) -> None:
        self._session = session
        self._run = run
        self._step = step
        self._known: dict[str, str] = {}

    @property
    def run_id(self) -> str:
        """See `mlops.platform.jobs.Job`."""
        return str(self._run.id)

    def fetch_folder(self, folder: Path) -> None:
        """See `mlops.platform.jobs.Job`."""
        repeat(self._session, "fetch the run's folder", lambda: fetch_folder(self._run, folder))
        self._known = hash_folder(folder) if folder.is_dir() else {}

    def store_folder(self, folder: Path) -> None:
        """See `mlops.platform.jobs.Job`."""
        name = str(self._step.name)
        repeat(self._session, "store the run's folder", lambda: store_folder(self._run, folder, name, self._known))
        self._known = hash_folder(folder)

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """See `mlops.platform.jobs.Job`."""

        def call() -> None:
            for name, value in metrics.items():
                self._step.log(name, value)
                self._run.log(name, value)
            self._step.flush()
            self._run.flush()

        try:
            repeat(self._session, "log the step's metrics", call)
        except PlatformError as error:
            # The step still succeeds, because the run's record has the metrics.
            logger.warning("Could not log the step's metrics on Azure, but its executed notebook has them. %s", error)

    def tag(self, tags: Mapping[str, str]) -> None:
        """See `mlops.platform.jobs.Job`."""
        repeat(self._session, "tag the run", lambda: self._run.set_tags(dict(tags)))

    def conclude(self, conclusion: Conclusion) -> None:
        """See `mlops.platform.jobs.Job`."""
        self.tag(write_conclusion(conclusion))
