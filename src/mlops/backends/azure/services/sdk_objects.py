"""The parts of the SDK's web services, `azureml.core.webservice.Webservice`, that this package uses."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Resources(Protocol):
    """The size of a container."""

    cpu: float
    memory_in_gb: float


class WebService(Protocol):
    """A web service as Azure last described it; `tags` is None if it has none."""

    name: str
    state: str
    tags: Mapping[str, str] | None
    scoring_uri: str
    container_resource_requirements: Resources

    def wait_for_deployment(self, *, timeout_sec: float) -> None:
        """Wait for the submitted deployment, then read the state of the service."""
        ...

    def update_deployment_state(self) -> None:
        """Read the state of the service."""
        ...

    def update(
        self, *, models: Sequence[object], inference_config: object, tags: Mapping[str, str], **options: object
    ) -> None:
        """Submit a change of the service, and return immediately."""
        ...

    def get_logs(self, *, num_lines: int) -> str | None:
        """Return the end of the container's output."""
        ...

    def get_keys(self) -> tuple[str, str]:
        """Return the primary and the secondary key."""
        ...

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Replace the "Primary" or "Secondary" key with a new or a given one, and wait until it is valid."""
        ...

    def delete(self) -> None:
        """Submit the deletion of the service, and return immediately."""
        ...
