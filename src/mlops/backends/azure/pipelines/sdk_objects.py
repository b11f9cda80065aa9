"""Protocols for the objects of azureml-sdk with which a pipeline is published."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from mlops.backends.azure.connection.sdk_objects import SdkWorkspace


class SdkCondaDependencies(Protocol):
    """The packages of an environment."""

    def as_dict(self) -> Mapping[str, object]:
        """Return the packages in the form of a conda environment file."""


class SdkPython(Protocol):
    """The Python installation of an environment."""

    conda_dependencies: SdkCondaDependencies


class SdkEnvironment(Protocol):
    """The packages and settings of a run: ``azureml.core.Environment``."""

    name: str
    python: SdkPython

    def register(self, workspace: SdkWorkspace) -> "SdkEnvironment":
        """Register the environment in a workspace, and return the registered environment."""


class SdkPublished(Protocol):
    """A published version of a pipeline: ``azureml.pipeline.core.PublishedPipeline``."""

    id: str
    name: str
    version: str

    def disable(self) -> None:
        """Disable the version, so that it cannot be started."""


class SdkPipelineVersion(Protocol):
    """A version of a pipeline that an endpoint can start."""

    pipeline_id: str


class SdkEndpoint(Protocol):
    """An endpoint that starts one version of a pipeline: ``azureml.pipeline.core.PipelineEndpoint``."""

    id: str
    endpoint: str
    pipeline_version_list: Sequence[SdkPipelineVersion]

    def get_pipeline(self) -> SdkPublished:
        """Return the version that the endpoint starts."""

    def add_default(self, pipeline: SdkPublished) -> None:
        """Add a version to the endpoint, and make the endpoint start it."""

    def set_default(self, pipeline: SdkPublished) -> None:
        """Make the endpoint start one of its versions."""


class SdkPipeline(Protocol):
    """A pipeline before it is published: ``azureml.pipeline.core.Pipeline``."""

    def validate(self) -> Sequence[object]:
        """Return the problems that the SDK finds in the pipeline."""

    def publish(self, *, name: str, description: str | None, version: str) -> SdkPublished:
        """Publish the pipeline, and return the published version."""


class SdkRecurrence(Protocol):
    """The frequency of a schedule."""

    frequency: str


class SdkScheduleProvider(Protocol):
    """The SDK's internal client for schedules."""

    def get_schedule_provisioning_status(self, schedule_id: str) -> str:
        """Return "Provisioning", "Completed" or "Failed"."""


class SdkSchedule(Protocol):
    """A schedule that starts a pipeline: ``azureml.pipeline.core.Schedule``."""

    id: str
    name: str
    pipeline_endpoint_id: str
    path_on_datastore: str | None
    polling_interval: int | None
    recurrence: SdkRecurrence | None
    _schedule_provider: SdkScheduleProvider

    def disable(self) -> None:
        """Disable the schedule, so that it starts no more runs."""
