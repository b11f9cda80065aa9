"""The interface to services: deployed images, one per environment."""

from dataclasses import dataclass
from typing import Literal, Protocol

from mlops.platform.images import Image, add_digest
from mlops.platform.models import FailedTest, ModelVersion, is_same_model, name_version, name_version_fully

ENVIRONMENTS = ("qa", "production")
Ending = Literal["failed", "unanswered", "interrupted"]  # the ways in which a test can end without passing
Health = Literal["healthy", "unhealthy", "stopped", "unreadable"]  # unreadable: the environment's record is damaged


@dataclass(frozen=True)
class Decision:
    """The decision to deploy an image: who made it, why, and in which run. An empty field means "not recorded"."""

    by: str = ""
    reason: str = ""
    run_id: str = ""


@dataclass(frozen=True)
class Permissions:
    """Permissions that a person can give to a deployment.

    Parameters
    ----------
    take_over : bool
        Whether the deployment can replace a service of another model.
    redeploy : bool
        Whether a model version that was rolled back can be deployed again.
    """

    take_over: bool = False
    redeploy: bool = False


FAILED_TEST, UNFINISHED_TEST = "failed its test", "did not finish its test"  # at the end of `Decision.reason`
NO_DECISION, NO_PERMISSIONS = Decision(), Permissions()


@dataclass(frozen=True)
class Service:
    """The service of an environment, which runs a deployed image.

    Parameters
    ----------
    environment, url : str
        The environment, and the address of the service.
    digest, image, model_version, deployed : str, str, int, str
        The deployed image, its model version, and the time of the deployment, in UTC as ISO 8601.
    health, problem : str
        The health that the platform reports, or "unreadable" if the record is damaged; and a description of the damage.
    tested : str
        The result of the service test: "passed" or "failed"; empty if the test has not run or did not finish.
    example : str
        An example request and the true target values of its rows, as JSON; see `mlops.image.bundle.split_example`.
    decision : Decision
        Who decided to deploy the image, why, and in which run.
    override : str
        The person who overruled the gate and promoted the model, and the reason; empty if the gate decided.
    previous : str
        The image that a rollback would restore, such as "churn:1"; empty if there is none.
    failed : tuple of FailedTest
        The model versions whose last test in this environment failed.
    accepts_keys : bool
        Whether the service accepts the stored keys.
    model_identity, runtime : str
        The identity and the runtime of the model version; see `Image`.
    original : str
        The MLOPS_HOME from which the service was started: "/data/.mlops on another machine"; empty for the current one.
    workers, restarts : int, int
        The number of processes that answer requests, and how often they were restarted; 0 if unknown.
    changes : tuple of str
        The settings that have changed since the service started; in the result of `deploy`, those that it applied.
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
    override: str = ""
    previous: str = ""
    failed: tuple[FailedTest, ...] = ()
    accepts_keys: bool = True
    model_identity: str = ""
    original: str = ""
    workers: int = 0
    restarts: int = 0
    runtime: str = ""
    changes: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The health for display; "not running here" if the service was started from a different MLOPS_HOME."""
        return "not running here" if self.original and self.health == "stopped" else self.health

    @property
    def address(self) -> str:
        """The address of the service; empty if its health is "stopped"."""
        return "" if self.health == "stopped" else self.url

    @property
    def model_name(self) -> str:
        """The name of the deployed model."""
        return name_model(self.image)

    @property
    def model(self) -> str:
        """The deployed model version: "churn version 2", or "churn version 2 (gate overruled)"."""
        return name_version(self.model_name, self.model_version, self.override)

    def serves(self, version: ModelVersion) -> bool:
        """Return whether the service runs this model version."""
        same = (version.name, version.version) == (self.model_name, self.model_version)
        return same and self.model_identity in ("", version.identity)

    @property
    def full_model(self) -> str:
        """The model version with the reason for an override: "churn version 2 (gate overruled by ada: urgent)"."""
        return name_version_fully(self.model_name, self.model_version, self.override)


@dataclass(frozen=True)
class Judgement:
    """The outcome of a service test: its result, and the service that runs after the test.

    Parameters
    ----------
    kind : str
        The result: "passed" or "failed"; "interrupted" if the test did not finish; "unanswered" if the service did not
        answer but the platform reports it as running; "replaced" if another image was deployed meanwhile.
    serving : Service or None
        The current service of the environment; None if there is none.
    log : str
        The end of the log of a service that failed its test; empty if it cannot be read.
    """

    kind: Literal["passed", "failed", "interrupted", "unanswered", "replaced"]
    serving: Service | None
    log: str = ""


@dataclass(frozen=True)
class Rollback:
    """A rollback of an environment: the removed image, the restored image, and the decision.

    Parameters
    ----------
    environment, image, model_version, restored, restored_version : str, str, int, str, int
        The environment; the removed image and its model version; the restored image and its model version.
    at, decision : str, Decision
        The time of the rollback, in UTC as ISO 8601; and who decided to roll back, why, and in which run.
    lifted : str
        The time when the removed model version or image was deployed again and passed its test; empty before that.
    override, restored_override, model_identity : str
        The overrides of the removed and the restored model version, and the identity of the removed one; see `Service`.
    digest, restored_digest : str
        The digests of the removed and the restored image if both contain the same model version; otherwise empty.
    """

    environment: str
    image: str
    model_version: int
    restored: str
    restored_version: int
    at: str
    decision: Decision = NO_DECISION
    lifted: str = ""
    override: str = ""
    restored_override: str = ""
    model_identity: str = ""
    digest: str = ""
    restored_digest: str = ""

    def bars(self, image: str, model_identity: str, digest: str) -> bool:
        """Return whether the rollback prevents the deployment of an image; `digest` is empty before the image exists.

        A rollback between two images of one model version bars only the removed image.
        """
        return not self.lifted and self._concerns(image, model_identity, digest)

    def removed(self, service: Service) -> bool:
        """Return whether `service` runs what the rollback removed: a model version, or only one image of it."""
        return self._concerns(service.image, service.model_identity, service.digest)

    def _concerns(self, image: str, model_identity: str, digest: str) -> bool:
        same_image = self.digest in ("", digest)
        return same_image and is_same_model(self.image, self.model_identity, image, model_identity)

    @property
    def model(self) -> str:
        """The removed model version: "churn version 2"; with the image's digest if the restored version is the same."""
        return add_digest(name_version(name_model(self.image), self.model_version, self.override), self.digest)

    @property
    def restored_model(self) -> str:
        """The restored model version: "churn version 1"; with the image's digest if the removed version is the same."""
        model = name_version(name_model(self.restored), self.restored_version, self.restored_override)
        return add_digest(model, self.restored_digest)


class Services(Protocol):
    """The services that run scoring images, one per environment."""

    command_options: str

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
        """Deploy `image` in an environment, and return the service; called by the notebook 06_deploy.

        The previous service runs until the new one is ready. Safe to call again: a healthy service with the same digest
        and settings is restarted only if `force` is true. Raises DeploymentError if the service is not ready in time,
        or the image is not allowed there; RolledBackError if the model version was rolled back. See `Permissions`.
        """
        ...

    def find_owner(self, environment: str) -> str:
        """Return the name of the model that an environment serves or served last; "" if none. Called by `mlops run`."""
        ...

    def record_test(self, environment: str, digest: str, *, passed: bool, answered: bool = True) -> Judgement:
        """Record a service test, and return its outcome; called by the notebook 07_test_service and by `mlops.runner`.

        If the test failed in production, the previous service is restored. If there is none, the service is stopped.
        Nothing is recorded if the image was replaced, or if `answered` is false but the platform reports that the
        service runs. Safe to call again. Raises ServiceTestFailed if the platform reports an error after a failed test.
        """
        ...

    def abandon_test(self, environment: str, digest: str) -> Judgement:
        """Restore production's previous service after an unfinished test; called by `mlops.runner`. Safe to repeat."""
        ...

    def roll_back(self, environment: str, decision: Decision = NO_DECISION, *, take_over: bool = False) -> Rollback:
        """Redeploy the newest earlier image that passed its test, and return the rollback; called by `mlops rollback`.

        Images of other models are considered only if `take_over` is true. Raises the errors of `require_previous`.
        """
        ...

    def require_previous(self, environment: str, *, take_over: bool = False) -> None:
        """Check that an environment has an earlier deployment to roll back to; called by `mlops rollback`.

        Raises DeploymentNotFoundError if there is none, or DeploymentError if `take_over` is needed.
        """
        ...

    def list_rollbacks(self) -> list[Rollback]:
        """Return the rollbacks of all environments, newest first; called by `mlops status` and `mlops runs`."""
        ...

    def accepts_keys(self, environment: str) -> bool:
        """Return whether the service accepts the stored keys; True if no service runs. Called before keys are used."""
        ...

    def rotate_keys(self, environment: str) -> None:
        """Give the service a new primary key; the old one becomes the secondary key. Called by `mlops keys --rotate`.

        If the service does not become ready with the new keys, the old keys are kept.
        """
        ...

    def start(self, environment: str) -> Service | None:
        """Start the service and return it, or return None if it was running; called by `mlops start`."""
        ...

    def stop(self, environment: str) -> bool:
        """Stop the service, and return whether one was running; called by `mlops stop`."""
        ...

    def list_services(self) -> list[Service]:
        """Return the service of each environment, with its current health; called by `mlops status`."""
        ...


def name_model(image: str) -> str:
    """Return the name of an image's model: "churn" for "churn:2"."""
    return image.rpartition(":")[0]


def previous_environment(environment: str) -> str:
    """Return the environment to which a release deploys before this one: "qa" for "production", and "" for "qa"."""
    return ("", *ENVIRONMENTS)[ENVIRONMENTS.index(environment)]
