"""The seam of services: images that serve, one per environment."""

from dataclasses import dataclass
from typing import Literal, Protocol

from mlops.platform.images import Image

ENVIRONMENTS = ("qa", "production")
Health = Literal["healthy", "unhealthy", "stopped", "unreadable"]  # the last: what is remembered of it is damaged


@dataclass(frozen=True)
class Decision:
    """The person, reason and run behind a deployment; empty if an older version of the engine deployed it."""

    by: str = ""
    reason: str = ""
    run_id: str = ""


@dataclass(frozen=True)
class Permissions:
    """The actions of a deployment that a person must ask for.

    Parameters
    ----------
    take_over : bool
        True: it may replace a service of another model.
    redeploy : bool
        True: it may deploy a model version that was rolled back.
    """

    take_over: bool = False
    redeploy: bool = False


NO_DECISION, NO_PERMISSIONS = Decision(), Permissions()


@dataclass(frozen=True)
class Service:
    """A deployed image.

    Parameters
    ----------
    environment, url : str
        Where it is deployed, and where it answers.
    digest, image, model_version : str, str, int
        What is deployed.
    health : str
        "healthy", "unhealthy" or "stopped", as the platform reports it; "unreadable" if what is remembered of the
        environment is damaged, and then all else but the environment is empty.
    deployed : str
        When, as UTC in ISO 8601.
    tested : str
        "passed", "failed", or empty if its test has not run.
    example : str
        A request and the true values of its rows, as JSON; see `mlops.image.bundle.split_example`.
    problem : str
        Why it is unreadable.
    decision : Decision
        Who had it deployed, why, and in which run.
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
    decision: Decision = NO_DECISION

    @property
    def model_name(self) -> str:
        """The name of its model."""
        return name_model(self.image)

    @property
    def model(self) -> str:
        """Its model and version: "diabetes version 2"."""
        return f"{self.model_name} version {self.model_version}"


@dataclass(frozen=True)
class Rollback:
    """A rollback: what was taken out of an environment, what serves instead, and who decided so, when and why.

    Parameters
    ----------
    environment : str
        Where.
    image, model_version : str, int
        What was taken out.
    restored, restored_version : str, int
        What serves instead.
    at : str
        When, as UTC in ISO 8601.
    decision : Decision
        Who, why, and the run that records it.
    lifted : str
        When the version passed its test there again, because somebody had asked to redeploy it; empty while it must
        not be deployed.
    """

    environment: str
    image: str
    model_version: int
    restored: str
    restored_version: int
    at: str
    decision: Decision = NO_DECISION
    lifted: str = ""

    @property
    def model(self) -> str:
        """The model and version that was taken out: "diabetes version 2"."""
        return f"{name_model(self.image)} version {self.model_version}"

    @property
    def restored_model(self) -> str:
        """The model and version that serves instead."""
        return f"{name_model(self.restored)} version {self.restored_version}"


class Services(Protocol):
    """The services that run scoring images, one per environment."""

    def deploy(
        self,
        environment: str,
        image: Image,
        *,
        ready_seconds: float,
        force: bool,
        allowed: Permissions = NO_PERMISSIONS,
        decision: Decision = NO_DECISION,
    ) -> Service:
        """Serve `image` at the environment's URL; called by 06_deploy.

        What served before keeps serving until the new one is ready. Safe to call again: a healthy service of the
        same digest is left alone unless `force`. Raises DeploymentError if it does not get ready, if the digest
        has not passed its test in the environment before (production takes only what passed in QA), or if the
        environment serves another model; RolledBackError if the model version was rolled back here or in a later
        environment.
        """
        ...

    def find_owner(self, environment: str) -> str:
        """Return the name of the model that an environment serves or served last; called by `mlops run`.

        Empty before the first deployment.
        """
        ...

    def record_test(self, environment: str, digest: str, *, passed: bool, answered: bool = True) -> Service | None:
        """Record how the test of the service ended; called by 07_test_service, and by the runner for a dead one.

        A failure in production puts back what served before (or ends the service if nothing did). If the service has
        not `answered`, the platform is asked first: a service that runs as the platform says is left as it is, and
        nothing is recorded. Returns what serves now. Safe to call again; a digest that is not deployed there changes
        nothing.
        """
        ...

    def roll_back(self, environment: str, decision: Decision = NO_DECISION) -> Rollback:
        """Serve the deployment that passed its test before the current one; called by `mlops rollback`.

        The version that is taken out is not deployed again unless somebody asks for it. Raises
        DeploymentNotFoundError if there is nothing to go back to.
        """
        ...

    def list_rollbacks(self) -> list[Rollback]:
        """Return the rollbacks of all environments, newest first; called by `mlops status` and `mlops runs`."""
        ...

    def accepts_keys(self, environment: str) -> bool:
        """Return whether the service accepts the keys that `Secrets` has; true if it does not run.

        Called by 07_test_service and `mlops keys`.
        """
        ...

    def rotate_keys(self, environment: str) -> None:
        """Give the service a new primary key; the old one becomes the secondary key. Called by `mlops keys --rotate`.

        If the service did not accept the stored keys, both are new. A service that runs has the new keys when this
        returns; if it does not get ready with them, the old keys stay.
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


def name_model(image: str) -> str:
    """Return the name of an image's model: "diabetes" of "diabetes:2"."""
    return image.rpartition(":")[0]


def previous_environment(environment: str) -> str:
    """Return the environment in which an image must have passed before `environment` takes it; empty for the first."""
    place = ENVIRONMENTS.index(environment)
    return ENVIRONMENTS[place - 1] if place else ""
