"""What is used of the SDK's web services: `azureml.core.webservice.Webservice`, as far as this package needs it."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Resources(Protocol):
    """The size of a container."""

    cpu: float
    memory_in_gb: float


class WebService(Protocol):
    """A web service as Azure last described it; `tags` is None where it has none."""

    name: str
    state: str
    tags: Mapping[str, str] | None
    scoring_uri: str
    container_resource_requirements: Resources

    def wait_for_deployment(self, *, timeout_sec: float) -> None:
        """Wait for what was submitted, then ask how the service is."""
        ...

    def update_deployment_state(self) -> None:
        """Ask how the service is."""
        ...

    def update(
        self, *, models: Sequence[object], inference_config: object, tags: Mapping[str, str], **options: object
    ) -> None:
        """Submit a change, and return at once."""
        ...

    def get_logs(self, *, num_lines: int) -> str | None:
        """Return the end of what the container printed."""
        ...

    def get_keys(self) -> tuple[str, str]:
        """Return both keys."""
        ...

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Replace the "Primary" or the "Secondary" key, by a new one or a given one, and wait for it."""
        ...

    def delete(self) -> None:
        """Submit the deletion, and return at once."""
        ...
