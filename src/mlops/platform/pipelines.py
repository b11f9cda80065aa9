"""The seam of pipelines: what is published, and what is submitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from mlops.platform.submission import Submission

JobState = Literal["queued", "running", "succeeded", "failed", "canceled"]
JobStepState = Literal[JobState, "skipped"]


@dataclass(frozen=True)
class PublishedPipeline:
    """The retraining pipeline as published: `version` is the build's id, `url` the stable address that starts it."""

    name: str
    version: str
    pipeline_id: str
    url: str


@dataclass(frozen=True)
class SubmittedStep:
    """One step of a submitted run; `reason` says why it was skipped."""

    name: str
    state: JobStepState
    reason: str = ""


@dataclass(frozen=True)
class SubmittedRun:
    """A run of the published pipeline; `outcome` as in a run's record, `url` the platform's own page of it."""

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


class Pipelines(Protocol):
    """The published pipeline: publishes it, starts it, and describes its runs."""

    def publish(self, build_id: str, build_uri: str) -> PublishedPipeline:
        """Publish the retraining pipeline of the present sources as version `build_id`; called by `mlops publish`.

        The stable endpoint moves to it. Safe to call again: there is exactly one version for a build id.
        """
        ...

    def find_published(self) -> PublishedPipeline | None:
        """Return what the endpoint starts now, or None before the first publication."""
        ...

    def submit(self, submission: Submission) -> SubmittedRun:
        """Start the published pipeline and return at once; called by `mlops submit`.

        Raises PipelineNotFoundError before the first publication, UsageError if this caller cannot start runs.
        """
        ...

    def get_run(self, run_id: str) -> SubmittedRun:
        """Return a submitted run as it stands, with its steps; raises RunNotFoundError."""
        ...

    def list_runs(self, most: int) -> list[SubmittedRun]:
        """Return submitted runs without their steps, newest first; called by `mlops runs`."""
        ...

    def read_log(self, run_id: str, step: str) -> str:
        """Return what a step has printed so far; raises RunNotFoundError, StepNotFoundError."""
        ...

    def fetch_run(self, run_id: str, folder: Path) -> Path:
        """Copy the executed notebooks, reports and record of a run to `folder`; called by `mlops runs --download`."""
        ...

    def cancel(self, run_id: str) -> SubmittedRun:
        """Cancel a submitted run; a finished one stays as it is."""
        ...


class Triggers(Protocol):
    """The triggers of the published pipeline: the clock, and new data."""

    def update(self) -> None:
        """Have the clock and new data start what is published, as the settings say now; called by 00_provision.

        Safe to call again.
        """
        ...
