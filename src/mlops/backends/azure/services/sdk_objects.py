"""Protocols for the web services of azureml-sdk."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Resources(Protocol):
    """The size of a container."""

    cpu: float
    memory_in_gb: float


class WebService(Protocol):
    """A web service: ``azureml.core.webservice.Webservice``. `tags` is None if the service has no tags."""

    name: str
    state: str
    tags: Mapping[str, str] | None
    scoring_uri: str
    container_resource_requirements: Resources

    def wait_for_deployment(self, *, timeout_sec: float) -> None:
        """Wait until the last change of the service is finished, and update `state`."""
        ...

    def update_deployment_state(self) -> None:
        """Ask Azure for the state of the service, and update `state`."""
        ...

    def update(
        self, *, models: Sequence[object], inference_config: object, tags: Mapping[str, str], **options: object
    ) -> None:
        """Submit a change of the service, and return immediately."""
        ...

    def get_logs(self, *, num_lines: int) -> str | None:
        """Return the last lines of the container's output."""
        ...

    def get_keys(self) -> tuple[str, str]:
        """Return the primary and the secondary key."""
        ...

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Set the "Primary" or "Secondary" key to `set_key`, or to a new random key if None. Wait until it is valid."""
        ...

    def delete(self) -> None:
        """Submit the deletion of the service, and return immediately."""
        ...
