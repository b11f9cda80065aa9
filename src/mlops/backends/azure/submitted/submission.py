"""Starting the published pipeline by REST: what any caller does that has a token, whatever it is written in."""

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
SECONDS = (10, 60)  # to connect, and to answer
EXPIRED = 401  # also a token that was cut short, or taken back, on Azure's side
SUBMISSION = "submission"  # the tag by which a submission whose answer was lost is found again


def submit(
    session: AzureSession,
    published: PublishedPipeline,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Start a run and return its id.

    An answer that is lost (the connection broke) does not start a second run: before it asks again, it looks for the
    run that has this submission's tag.

    Parameters
    ----------
    session : AzureSession
        Whose identity gets the token.
    published : PublishedPipeline
        What to start: its `url`.
    parameters, tags : mapping
        Of the run.
    sleep : callable
        Waits some seconds.

    Raises
    ------
    PlatformError
        If Azure refuses, stays busy, or cannot be reached.
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
    """Return the id of the run that a submission has started, or ""."""
    runs = find_runs(session, experiment, {SUBMISSION: submission})
    return next((str(run.id) for run in runs), "")


def find_runs(session: AzureSession, experiment: str, tags: Mapping[str, str] | None = None) -> Iterable[SdkRun]:
    """Yield the pipeline runs of an experiment, newest first, as plain runs of the SDK."""
    from azureml.core import Experiment, Run

    opened = Experiment(session.workspace, experiment)
    found: Iterable[SdkRun] = Run.list(
        opened, type="azureml.PipelineRun", tags=dict(tags or {}) or None, _rehydrate_runs=False
    )
    return found
