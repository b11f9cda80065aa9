"""The retraining pipeline, published in the workspace."""

from pathlib import Path

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.pipelines.publication import Publication
from mlops.backends.azure.submitted.history import SubmittedRuns
from mlops.backends.azure.submitted.submission import submit
from mlops.errors import ParameterError, PipelineNotFoundError
from mlops.platform.pipelines import PublishedPipeline, SubmittedRun
from mlops.platform.submission import Submission


class AzurePipelines:
    """The retraining pipeline, published in the workspace."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._publication = Publication(session)
        self._runs = SubmittedRuns(session)

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """See `mlops.platform.pipelines.Pipelines`."""
        return self._publication.publish(build_id, build_uri)

    def find_published(self) -> PublishedPipeline | None:
        """See `mlops.platform.pipelines.Pipelines`."""
        return self._publication.find()

    def submit(self, submission: Submission) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        _require_address(submission.data_file_path)
        published = self.find_published()
        if published is None:
            raise PipelineNotFoundError(
                f"no pipeline {self._session.settings.pipeline!r} is published in the workspace: run "
                "`mlops publish --platform azure`"
            )
        run_id = submit(self._session, published, submission.list_given(), {"BuildId": published.version})
        return self._runs.get(run_id)

    def get_run(self, run_id: str) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        return self._runs.get(run_id)

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """See `mlops.platform.pipelines.Pipelines`."""
        return self._runs.list(most)

    def read_log(self, run_id: str, step: str) -> str:
        """See `mlops.platform.pipelines.Pipelines`."""
        return self._runs.read_log(run_id, step)

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """See `mlops.platform.pipelines.Pipelines`."""
        return self._runs.fetch(run_id, folder)

    def cancel(self, run_id: str) -> SubmittedRun:
        """See `mlops.platform.pipelines.Pipelines`."""
        return self._runs.cancel(run_id)


def _require_address(path: str) -> None:
    """Refuse a file of this machine, which the machines of a run do not have.

    Raises
    ------
    ParameterError
        Saying how to bring it there.
    """
    if path and "://" not in path:
        raise ParameterError(
            f"-p data_file_path={path}: the compute has no such file; give an address that it can open "
            "(abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH), or put the file into the folder that is watched for "
            "new data and write -p dataset_version=new (docs/azure-setup.md, New data)"
        )
