"""Protocols for the objects of azureml-sdk that this platform uses."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class SdkDatastore(Protocol):
    """A blob container of a workspace: ``azureml.core.Datastore``."""

    account_name: str
    container_name: str
    endpoint: str
    protocol: str


class SdkWorkspace(Protocol):
    """A workspace: ``azureml.core.Workspace``."""

    name: str
    subscription_id: str
    _workspace_autorest_object: object

    def get_details(self) -> Mapping[str, str]:
        """Return the properties of the workspace in Azure Resource Manager."""

    def get_default_datastore(self) -> SdkDatastore:
        """Return the default datastore, which contains the workspace's files."""


class SdkExperiment(Protocol):
    """An experiment, which groups runs: ``azureml.core.Experiment``."""

    def start_logging(self, **options: object) -> "SdkRun":
        """Start a run of the experiment, and return it."""


class SdkRun(Protocol):
    """A training, a sweep, a run of a pipeline, or a step of such a run: ``azureml.core.Run``."""

    id: str
    name: str
    status: str
    experiment: SdkExperiment
    parent: "SdkRun | None"

    def child_run(self, name: str) -> "SdkRun":
        """Start a child run, and return it."""

    def get_children(self, **filters: object) -> Iterable["SdkRun"]:
        """Return the child runs, newest first."""

    def get_details(self) -> Mapping[str, Any]:
        """Return the run's status, its times, and links to its logs."""

    def get_portal_url(self) -> str:
        """Return the address of the run's page in the studio."""

    def get_status(self) -> str:
        """Return the run's status."""

    def get_tags(self) -> Mapping[str, str]:
        """Return the run's tags."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or replace their values."""

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties, which cannot be changed later."""

    def log(self, name: str, value: float) -> None:
        """Log a number."""

    def log_image(self, name: str, *, plot: object) -> None:
        """Log a picture."""

    def flush(self) -> None:
        """Wait until all logged values are sent."""

    def get_file_names(self) -> list[str]:
        """Return the names of the run's files."""

    def upload_files(self, names: Sequence[str], paths: Sequence[str]) -> Iterable[object]:
        """Store files in the run. If an upload fails, iterating over the returned object raises the error."""

    def download_file(self, name: str, path: str) -> None:
        """Download a file of the run to a local path."""

    def download_files(self, *, prefix: str, output_directory: str | Path, append_prefix: bool) -> None:
        """Download all of the run's files whose names begin with a prefix."""

    def register_model(self, name: str, path: str, *, tags: Mapping[str, str], properties: Mapping[str, str]) -> object:
        """Register some of the run's files as a version of a model, and return the version."""

    def complete(self) -> None:
        """End the run as completed."""

    def fail(self, error_details: str = "") -> None:
        """End the run as failed."""

    def cancel(self) -> None:
        """End the run as canceled."""
