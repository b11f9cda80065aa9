"""The start of the published pipeline over REST. Any other client with a token can start it in the same way."""

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
    """Start a run and return its id.

    Only one run is started, even if Azure's answer is lost and the request is retried: before each retry, this function
    looks for a run with the tag of this submission.

    Parameters
    ----------
    session : AzureSession
        The session, whose identity requests the token.
    published : PublishedPipeline
        The pipeline to start, with its `url`.
    parameters, tags : mapping
        The parameters and tags of the run.
    sleep : callable
        A function that pauses for a number of seconds.

    Raises
    ------
    PlatformError
        If Azure refuses the request, stays busy, or cannot be reached.
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
    """Return the id of the run that a submission started, or "" if there is no such run."""
    runs = find_runs(session, experiment, {SUBMISSION: submission})
    return next((str(run.id) for run in runs), "")


def find_runs(session: AzureSession, experiment: str, tags: Mapping[str, str] | None = None) -> Iterable[SdkRun]:
    """Return the pipeline runs of an experiment that have these tags, newest first."""
    from azureml.core import Experiment, Run

    opened = Experiment(session.workspace, experiment)
    found: Iterable[SdkRun] = Run.list(
        opened, type="azureml.PipelineRun", tags=dict(tags or {}) or None, _rehydrate_runs=False
    )
    return found
