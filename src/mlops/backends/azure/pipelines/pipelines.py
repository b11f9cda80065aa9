"""The retraining pipeline, published in the workspace."""

from mlops.backends.azure.pipelines.publication import Publication
from mlops.backends.azure.submitted.history import SubmittedRuns
from mlops.backends.azure.submitted.submission import submit
from mlops.errors import ParameterError, PipelineNotFoundError
from mlops.platform.pipelines import SubmittedRun
from mlops.platform.submission import Submission


class AzurePipelines(Publication, SubmittedRuns):
    """See `mlops.platform.pipelines.Pipelines`: what publishes, what looks after runs, and between them `submit`."""

    def submit(self, submission: Submission) -> SubmittedRun:
        """See `Pipelines`."""
        _require_address(submission.data_file_path)
        published = self.find_published()
        if published is None:
            raise PipelineNotFoundError(
                f"no pipeline {self._name!r} is published in the workspace: run `mlops publish --platform azure`"
            )
        run_id = submit(self._session, published, submission.list_given(), {"BuildId": published.version})
        return self.get_run(run_id)


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
