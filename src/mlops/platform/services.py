"""The seam of services: images that serve, one an environment."""

from dataclasses import dataclass
from typing import Literal, Protocol

from mlops.platform.images import Image

ENVIRONMENTS = ("qa", "production")
Health = Literal["healthy", "unhealthy", "stopped", "unreadable"]  # the last: what is remembered of it is damaged


@dataclass(frozen=True)
class Service:
    """A deployed image; `tested` is "passed", "failed" or "" where its test has not run, `example` a request body.

    `problem` says why a service is "unreadable", and then all else but the environment is empty.
    """

    environment: str
    url: str
    digest: str
    health: Health
    image: str
    model_version: int
    deployed: str
    tested: str = ""
    example: str = ""
    problem: str = ""


class Services(Protocol):
    """The services that run scoring images, one an environment."""

    def deploy(self, environment: str, image: Image, *, ready_seconds: float, force: bool) -> Service:
        """Serve `image` at the environment's URL; called by 06_deploy.

        What served before keeps serving until the new one is ready. Safe to call again: a healthy service of the
        same digest is left alone unless `force`. Raises DeploymentError if it does not get ready, or if the digest
        has not passed its test in the environment before (production takes only what passed in QA).
        """
        ...

    def record_test(self, environment: str, digest: str, *, passed: bool) -> Service | None:
        """Record how the test of the service ended; called by 07_test_service, and by the runner for a dead one.

        A failure in production puts back what served before (or ends the service if nothing did). Returns what
        serves now. Safe to call again; a digest that is not deployed there changes nothing.
        """
        ...

    def roll_back(self, environment: str) -> Service:
        """Serve the deployment that passed its test before the current one; called by `mlops rollback`.

        Raises DeploymentNotFoundError if there is none.
        """
        ...

    def stop(self, environment: str) -> bool:
        """Stop the service, and return True if one ran; called by `mlops stop`."""
        ...

    def list_services(self) -> list[Service]:
        """Return what each environment serves, with its health as of now; called by `mlops status`.

        One that cannot be read is listed as "unreadable" and hides no other.
        """
        ...


def previous_environment(environment: str) -> str:
    """Return the environment in which an image must have passed before `environment` takes it; empty for the first."""
    place = ENVIRONMENTS.index(environment)
    return ENVIRONMENTS[place - 1] if place else ""
