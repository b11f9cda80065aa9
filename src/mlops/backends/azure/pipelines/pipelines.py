"""The retraining pipeline, published in the workspace."""

from mlops.backends.azure.pipelines.publication import Publication
from mlops.backends.azure.submitted.history import SubmittedRuns
from mlops.backends.azure.submitted.submission import submit
from mlops.errors import ParameterError, PipelineNotFoundError
from mlops.platform.pipelines import SubmittedRun
from mlops.platform.submission import Submission


class AzurePipelines(Publication, SubmittedRuns):
    """See `mlops.platform.pipelines.Pipelines`."""

    def submit(self, submission: Submission) -> SubmittedRun:
        """See `Pipelines`."""
        _require_url(submission.data_file_path)
        published = self.find_published()
        if published is None:
            raise PipelineNotFoundError(
                f"No pipeline {self._name!r} is published in the workspace. Run `mlops publish --platform azure`."
            )
        run_id = submit(self._session, published, submission.list_given(), {"BuildId": published.version})
        return self.get_run(run_id)


def _require_url(path: str) -> None:
    if path and "://" not in path:
        raise ParameterError(
            f"-p data_file_path={path}: The compute cannot read a file on this machine. Use an address "
            "(abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH), or put the file into the folder for new data and "
            "use -p dataset_version=new."
        )
