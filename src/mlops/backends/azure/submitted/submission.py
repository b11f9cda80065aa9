"""The REST request that starts a run of the published pipeline."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from mlops.backends.azure.connection.retries import repeat
from mlops.backends.azure.connection.sdk_objects import SdkRun
from mlops.backends.azure.connection.session import AzureSession
from mlops.platform.pipelines import PublishedPipeline

if TYPE_CHECKING:
    from requests import Response

SCOPE = "https://management.azure.com/.default"
SECONDS = (10, 60)  # time limits for the connection and the answer
EXPIRED = 401  # the status if a token has expired, or Azure has revoked it
SUBMISSION = "submission"  # the tag that identifies the run of a submission if the answer was lost


def submit(
    session: AzureSession,
    published: PublishedPipeline,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Start a run of a published pipeline, and return the run's id.

    Only one run is started, even if the request is retried.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace.
    published : PublishedPipeline
        The pipeline to start.
    parameters, tags : mapping
        The parameters and tags of the run.
    sleep : callable
        A function that pauses for a number of seconds.

    Raises
    ------
    PlatformError
        If Azure refuses the request, if it stays busy, or if it cannot be reached.
    """
    submission = str(uuid.uuid4())
    body = {
        "ExperimentName": published.name,
        "RunSource": "SDK",
        "ParameterAssignments": dict(parameters),
        "tags": {**tags, SUBMISSION: submission},
    }
    tried: list[int] = []

    def call() -> str:
        # Azure may have started the run although its answer was lost.
        if tried and (found := find_submission(session, published.name, submission)):
            return found
        tried.append(1)
        answer = _post(session, published.url, body)
        if answer.status_code == EXPIRED:
            session.forget_credential()
            answer = _post(session, published.url, body)
        answer.raise_for_status()
        return str(answer.json()["Id"])

    return repeat(session, f"submit {published.name}", call, sleep)


def _post(session: AzureSession, url: str, body: Mapping[str, object]) -> "Response":
    import requests

    token = session.credential.get_token(SCOPE).token
    return requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS)


def find_submission(session: AzureSession, experiment: str, submission: str) -> str:
    """Return the id of the run whose tag `submission` has this value, or "" if there is no such run."""
    runs = find_runs(session, experiment, {SUBMISSION: submission})
    return next((str(run.id) for run in runs), "")


def find_runs(session: AzureSession, experiment: str, tags: Mapping[str, str] | None = None) -> Iterable[SdkRun]:
    """Return the pipeline runs of an experiment, newest first; with `tags`, only the runs that have all these tags."""
    from azureml.core import Experiment, Run

    opened = Experiment(session.workspace, experiment)
    found: Iterable[SdkRun] = Run.list(
        opened, type="azureml.PipelineRun", tags=dict(tags or {}) or None, _rehydrate_runs=False
    )
    return found
