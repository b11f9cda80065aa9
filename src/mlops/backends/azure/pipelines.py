"""The retraining pipeline, published in the workspace."""

from collections.abc import Mapping
from pathlib import Path

from mlops.backends.azure.job import AzureJob, find_job
from mlops.backends.azure.publication import Publication
from mlops.backends.azure.session import AzureSession
from mlops.backends.azure.submission import submit
from mlops.backends.azure.submitted import SubmittedRuns
from mlops.backends.base import PublishedPipeline, SubmittedRun, check_submission
from mlops.errors import NotFoundError


class AzurePipelines:
    """The retraining pipeline, published in the workspace."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._publication = Publication(session)
        self._runs = SubmittedRuns(session)

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """See `mlops.backends.base.Pipelines`."""
        return self._publication.publish(build_id, build_uri)

    def find_published(self) -> PublishedPipeline | None:
        """See `mlops.backends.base.Pipelines`."""
        return self._publication.find()

    def submit(self, parameters: Mapping[str, str]) -> SubmittedRun:
        """See `mlops.backends.base.Pipelines`."""
        check_submission(parameters)
        published = self.find_published()
        if published is None:
            raise NotFoundError(
                f"no pipeline {self._session.settings.pipeline!r} is published in the workspace: run `mlops publish`"
            )
        run_id = submit(self._session, published, parameters, {"BuildId": published.version})
        return self._runs.get(run_id)

    def get_run(self, run_id: str) -> SubmittedRun:
        """See `mlops.backends.base.Pipelines`."""
        return self._runs.get(run_id)

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """See `mlops.backends.base.Pipelines`."""
        return self._runs.list(most)

    def read_log(self, run_id: str, step: str) -> str:
        """See `mlops.backends.base.Pipelines`."""
        return self._runs.read_log(run_id, step)

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """See `mlops.backends.base.Pipelines`."""
        return self._runs.fetch(run_id, folder)

    def cancel(self, run_id: str) -> SubmittedRun:
        """See `mlops.backends.base.Pipelines`."""
        return self._runs.cancel(run_id)

    def find_job(self) -> AzureJob | None:
        """See `mlops.backends.base.Pipelines`."""
        return find_job(self._session)
