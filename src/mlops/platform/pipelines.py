"""The interface to pipelines: the published pipeline, and the runs submitted to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

from mlops.platform.submission import Submission
from mlops.record.conclusion import conclude_run
from mlops.record.ledger import RunRecord, RunState, StepRecord, StepState
from mlops.record.summary import REFUSED, find_refusal, name_end

JobState = Literal["queued", "running", "succeeded", "failed", "canceled"]
JobStepState = Literal[JobState, "skipped", "refused"]

RUN_STATES: Mapping[RunState, JobState] = {
    "running": "running",
    "waiting": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "interrupted": "canceled",
    "lost": "failed",
    "unreadable": "failed",
    "newer": "failed",
}
STEP_STATES: Mapping[StepState, JobStepState] = {
    "pending": "queued",
    "running": "running",
    "done": "succeeded",
    "reused": "succeeded",
    "skipped": "skipped",
    "failed": "failed",
}


@dataclass(frozen=True)
class PublishedPipeline:
    """The published retraining pipeline.

    `version` is the id of the build that published the pipeline. `url` is the permanent address for starting it.
    """

    name: str
    version: str
    pipeline_id: str
    url: str


@dataclass(frozen=True)
class SubmittedStep:
    """One step of a submitted run. If the step was skipped or refused to act, `reason` says why."""

    name: str
    state: JobStepState
    reason: str = ""


@dataclass(frozen=True)
class SubmittedRun:
    """A submitted run of the published pipeline, or a run on this machine that was not submitted.

    Parameters
    ----------
    run_id, pipeline, version : str
        The id of the run, the name of its pipeline, and the id of the build that published the pipeline. `version` is
        empty if the run was not submitted.
    state : str
        The state of the run on the platform.
    outcome : str
        The outcome in the run's record; empty if none is recorded yet.
    started, finished : str
        The times of the start and the end, in UTC as ISO 8601.
    url : str
        The run's page on the platform.
    tags : mapping of str to str
        The tags that record the run's origin and data, such as "BuildId" and "dataset".
    steps : tuple of SubmittedStep
        The steps; some platforms leave them out of a list of runs.
    reason : str
        The reason for the outcome.
    model_name : str
        The model that the run registered or deployed; empty if there is none.
    model_version : int
        The version of that model; 0 if there is none.
    override : str
        The reason why a person promoted the model although the gate rejected it; empty if the gate decided.
    """

    run_id: str
    pipeline: str
    version: str
    state: JobState
    outcome: str = ""
    started: str = ""
    finished: str = ""
    url: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[SubmittedStep, ...] = ()
    reason: str = ""
    model_name: str = ""
    model_version: int = 0
    override: str = ""


def describe_record(
    record: RunRecord, url: str, version: str = "", tags: Mapping[str, str] = MappingProxyType({})
) -> SubmittedRun:
    """Return a `SubmittedRun` with the data of a run that was executed on this machine.

    Parameters
    ----------
    record : RunRecord
        The run.
    url : str
        The address of the run's folder.
    version : str
        The id of the build that published the pipeline; empty if the run was not submitted.
    tags : mapping of str to str
        The tags that record the run's origin and data.
    """
    conclusion = conclude_run(record)
    known = record.state not in ("unreadable", "newer")
    return SubmittedRun(
        run_id=record.run_id,
        pipeline=record.pipeline,
        version=version,
        state=RUN_STATES[record.state],
        outcome=conclusion.outcome if known else "unreadable",
        reason=conclusion.reason if known else record.error,
        model_name=conclusion.model_name,
        model_version=conclusion.model_version,
        override=conclusion.override,
        started=record.started,
        finished=record.finished,
        url=url,
        tags=tags,
        steps=tuple(_describe_step(step, record) for step in record.steps),
    )


def _describe_step(step: StepRecord, record: RunRecord) -> SubmittedStep:
    if name_end(step) == REFUSED:
        return SubmittedStep(step.name, "refused", find_refusal(record))
    return SubmittedStep(step.name, STEP_STATES[step.state], step.reason if step.state == "skipped" else "")


class Pipelines(Protocol):
    """The publication of the retraining pipeline, and the runs submitted to it."""

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """Publish the retraining pipeline as version `build_id`, and return it; called by `mlops publish`.

        The pipeline is published as it is in the current sources. New submissions start this version. Safe to call
        again: a build that is already published is not published again.
        """
        ...

    def find_published(self) -> PublishedPipeline | None:
        """Return the version of the pipeline that a submission would start, or None before the first publication."""
        ...

    def submit(self, submission: Submission) -> SubmittedRun:
        """Start a run of the newest version, and return it without waiting for its end; called by `mlops submit`.

        Each call starts exactly one run, even if a request is retried. Raises PipelineNotFoundError before the first
        publication.
        """
        ...

    def get_run(self, run_id: str) -> SubmittedRun:
        """Return the current state of a submitted run and its steps; raises RunNotFoundError if it does not exist."""
        ...

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """Return at most `most` submitted runs, newest first; called by `mlops runs`. Their `steps` can be empty."""
        ...

    def read_log(self, run_id: str, step: str) -> str:
        """Return what a step of a submitted run has printed so far.

        Raises RunNotFoundError or StepNotFoundError if the run or the step does not exist.
        """
        ...

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """Copy the executed notebooks, reports and record of a run to `folder`, and return `folder`.

        Called by `mlops runs --download`.
        """
        ...

    def cancel(self, run_id: str) -> SubmittedRun:
        """Cancel a submitted run unless it has finished, and return the run with its current state."""
        ...


class Triggers(Protocol):
    """The triggers of the published pipeline: the schedule, and new data."""

    def update(self) -> None:
        """Set up the schedule and the trigger for new data according to the settings.

        Called by the notebook 00_provision. Safe to call again.
        """
        ...
