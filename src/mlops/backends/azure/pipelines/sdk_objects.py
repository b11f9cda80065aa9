"""The objects of azureml-sdk that publication passes around: of each, what is used of it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from mlops.backends.azure.connection.sdk_objects import SdkWorkspace


class SdkCondaDependencies(Protocol):
    """The packages of an environment."""

    def as_dict(self) -> Mapping[str, object]:
        """Return them as a conda environment file has them."""


class SdkPython(Protocol):
    """The Python of an environment."""

    conda_dependencies: SdkCondaDependencies


class SdkEnvironment(Protocol):
    """``azureml.core.Environment``."""

    name: str
    python: SdkPython

    def register(self, workspace: SdkWorkspace) -> "SdkEnvironment":
        """Register it in a workspace."""


class SdkPublished(Protocol):
    """A published version: ``azureml.pipeline.core.PublishedPipeline``."""

    id: str
    name: str
    version: str

    def disable(self) -> None:
        """Take it out of what can be started."""


class SdkPipelineVersion(Protocol):
    """A version that an endpoint knows."""

    pipeline_id: str


class SdkEndpoint(Protocol):
    """The endpoint that starts one of the versions: ``azureml.pipeline.core.PipelineEndpoint``."""

    id: str
    endpoint: str
    pipeline_version_list: Sequence[SdkPipelineVersion]

    def get_pipeline(self) -> SdkPublished:
        """Return the version that it starts."""

    def add_default(self, pipeline: SdkPublished) -> None:
        """Add a version, and start it from now on."""

    def set_default(self, pipeline: SdkPublished) -> None:
        """Start a version that it knows from now on."""


class SdkPipeline(Protocol):
    """A pipeline before it is published: ``azureml.pipeline.core.Pipeline``."""

    def validate(self) -> Sequence[object]:
        """Return what is wrong with it."""

    def publish(self, *, name: str, description: str | None, version: str) -> SdkPublished:
        """Publish it."""


class SdkRecurrence(Protocol):
    """The frequency of a schedule."""

    frequency: str


class SdkScheduleProvider(Protocol):
    """What a schedule asks the service with; the SDK has no public way to ask for the state."""

    def get_schedule_provisioning_status(self, schedule_id: str) -> str:
        """Return "Provisioning", "Completed" or "Failed"."""


class SdkSchedule(Protocol):
    """``azureml.pipeline.core.Schedule``."""

    id: str
    name: str
    pipeline_endpoint_id: str
    path_on_datastore: str | None
    polling_interval: int | None
    recurrence: SdkRecurrence | None
    _schedule_provider: SdkScheduleProvider

    def disable(self) -> None:
        """Have it start nothing any more."""
