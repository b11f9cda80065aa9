"""The interface to services: deployed images, one per environment."""

from dataclasses import dataclass
from typing import Literal, Protocol

from mlops.platform.images import Image
from mlops.platform.models import FailedTest, ModelVersion, is_same_model, name_version, name_version_fully

ENVIRONMENTS = ("qa", "production")
Ending = Literal["failed", "unanswered", "interrupted"]  # how a test that did not pass ended
Health = Literal["healthy", "unhealthy", "stopped", "unreadable"]  # unreadable: its record is damaged


@dataclass(frozen=True)
class Decision:
    """The person, reason and run behind a deployment; empty if an older version of the engine deployed it."""

    by: str = ""
    reason: str = ""
    run_id: str = ""


@dataclass(frozen=True)
class Permissions:
    """The actions that a deployment takes only if a person asks for them.

    Parameters
    ----------
    take_over : bool
        Whether it is allowed to replace a service of another model.
    redeploy : bool
        Whether it is allowed to deploy a model version that was rolled back.
    """

    take_over: bool = False
    redeploy: bool = False


# How the reason of a decision ends if the previous service was restored after the test of a new one.
FAILED_TEST, UNFINISHED_TEST = "failed its test", "did not finish its test"
NO_DECISION, NO_PERMISSIONS = Decision(), Permissions()


@dataclass(frozen=True)
class Service:
    """A deployed image.

    Parameters
    ----------
    environment, url : str
        The environment, and the address of the service.
    digest, image, model_version : str, str, int
        The deployed image and its model version.
    health, problem : str
        "healthy", "unhealthy" or "stopped", as the platform reports it. "unreadable" if the record of the environment
        is damaged; then `problem` says why, and the other fields except the environment are empty.
    deployed : str
        The time of the deployment, as UTC in ISO 8601.
    tested : str
        "passed", "failed", or empty if its test has not run, or did not finish.
    example : str
        A request and the true values of its rows, as JSON; see `mlops.image.bundle.split_example`.
    decision : Decision
        The person, reason and run behind the deployment.
    override : str
        The person who overruled the gate to promote its model, and the reason; empty if the gate decided.
    previous : str
        The image that a rollback restores: "diabetes:1"; empty if there is none of the same model.
    failed : tuple of FailedTest
        The model versions that were deployed here and failed their last test.
    accepts_keys : bool
        Whether it was started with the keys that the platform's secrets hold.
    model_identity : str
        `ModelVersion.identity` of its model; empty if an older version of the engine deployed it.
    original : str
        The home in which it was started, if that is not this one: "/data/.mlops on another machine"; otherwise empty.
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

    @property
    def condition(self) -> str:
        """Its health for display. A service of another home was never stopped in this one."""
        return "not running here" if self.original and self.health == "stopped" else self.health

    @property
    def address(self) -> str:
        """The address of the running service; empty if it is stopped or belongs to a copied home."""
        return "" if self.health == "stopped" else self.url

    @property
    def model_name(self) -> str:
        """The name of its model."""
        return name_model(self.image)

    @property
    def model(self) -> str:
        """The model and version that serve: "diabetes version 2", with a mark if the gate was overruled."""
        return name_version(self.model_name, self.model_version, self.override)

    def serves(self, version: ModelVersion) -> bool:
        """Return whether the service has this version of the registry, not a different model with the same number."""
        same = (version.name, version.version) == (self.model_name, self.model_version)
        return same and self.model_identity in ("", version.identity)

    @property
    def full_model(self) -> str:
        """The model and version, who overruled the gate and why, for the first mention on a page."""
        return name_version_fully(self.model_name, self.model_version, self.override)


@dataclass(frozen=True)
class Judgement:
    """The result of a service test, as it was recorded, and what serves now.

    Parameters
    ----------
    kind : str
        "passed" or "failed"; "interrupted" if the test did not finish; "unanswered" if the service did not answer but
        the platform reports it as running; "replaced" if another image has been deployed there since. The last two
        record nothing.
    serving : Service or None
        What serves now.
    """

    kind: Literal["passed", "failed", "interrupted", "unanswered", "replaced"]
    serving: Service | None


@dataclass(frozen=True)
class Rollback:
    """A rollback: the image that was removed from an environment, the one restored, and the decision.

    Parameters
    ----------
    environment : str
        The environment.
    image, model_version, restored, restored_version : str, int, str, int
        The image that was removed, the image that serves instead, and their model versions.
    at : str
        The time of the rollback: when the restored image was deployed, as UTC in ISO 8601.
    decision : Decision
        The person and reason behind the rollback, and the run that records it.
    lifted : str
        The time when the version was redeployed on request and passed its test again; empty while it is barred from
        deployment.
    override, restored_override : str
        The person who overruled the gate to promote each model, and the reason; empty if the gate decided.
    model_identity : str
        `ModelVersion.identity` of the model that was removed; empty if an older version of the engine deployed it.
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

    def bars(self, image: str, model_identity: str) -> bool:
        """Return whether this rollback bars a model version from being deployed again.

        A restored registry may have another model under the same number, which the rollback does not concern.
        """
        return not self.lifted and is_same_model(self.image, self.model_identity, image, model_identity)

    def removed(self, service: Service) -> bool:
        """Return whether the rollback removed the model version that a service has now, barred or not."""
        return is_same_model(self.image, self.model_identity, service.image, service.model_identity)

    @property
    def model(self) -> str:
        """The model and version that were removed: "diabetes version 2", with a mark as in `Service.model`."""
        return name_version(name_model(self.image), self.model_version, self.override)

    @property
    def restored_model(self) -> str:
        """The model and version that serve instead, with a mark as in `Service.model`."""
        return name_version(name_model(self.restored), self.restored_version, self.restored_override)


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

        The previous service keeps serving until the new one is ready. Safe to call again: a healthy service of the
        same digest is left alone unless `force` is true. Raises DeploymentError if the service does not become ready,
        if the digest has not passed its test in the preceding environment (production accepts only what passed in QA),
        or if the environment serves another model. Raises RolledBackError if the model version was rolled back here or
        in a later environment.
        """
        ...

    def find_owner(self, environment: str) -> str:
        """Return the current or last model of an environment, or ""; called by `mlops run`."""
        ...

    def record_test(self, environment: str, digest: str, *, passed: bool, answered: bool = True) -> Judgement:
        """Record the result of the service's test; called by 07_test_service, and by the runner if the test failed.

        If the test failed in production, the previous service is restored; if there is none, the service is stopped. If
        the service has not `answered`, the platform is asked first. If the platform says that the service runs, nothing
        is changed or recorded. Safe to call again: a digest that is not deployed there changes nothing. Raises
        ServiceTestFailed if the test failed and the platform then reported an error.
        """
        ...

    def abandon_test(self, environment: str, digest: str) -> Judgement:
        """Restore the deployment before an image whose test did not finish; called by the runner.

        The image counts as untested, not as failed: the next release can deploy and test it again. In QA nothing is
        restored. Safe to call again: a digest that is not deployed there changes nothing.
        """
        ...

    def roll_back(self, environment: str, decision: Decision = NO_DECISION, *, take_over: bool = False) -> Rollback:
        """Serve the last earlier deployment that passed its test; called by `mlops rollback`.

        Only deployments of the same model are considered, unless `take_over` is true. The removed version
        is not deployed again unless a person asks for it. Raises the errors of `require_previous`.
        """
        ...

    def require_previous(self, environment: str, *, take_over: bool = False) -> None:
        """Check that there is a deployment to roll back to; called by `mlops rollback` before it records a run.

        Raises DeploymentNotFoundError if there is none, and DeploymentError if the only one is of another model and
        `take_over` is false.
        """
        ...

    def list_rollbacks(self) -> list[Rollback]:
        """Return the rollbacks of all environments, newest first; called by `mlops status` and `mlops runs`."""
        ...

    def accepts_keys(self, environment: str) -> bool:
        """Return whether the service accepts the stored keys, True if none runs; called before keys are read."""
        ...

    def rotate_keys(self, environment: str) -> None:
        """Give the service a new primary key; the old one becomes the secondary key. Called by `mlops keys --rotate`.

        If the service did not accept the stored keys, both keys are new. A running service has the new keys when this
        returns. If it does not become ready with them, the old keys stay.
        """
        ...

    def stop(self, environment: str) -> bool:
        """Stop the service, and return True if one ran; called by `mlops stop`."""
        ...

    def list_services(self) -> list[Service]:
        """Return the service of each environment, with its current health; called by `mlops status`.

        An environment whose record is damaged is listed as "unreadable"; the others are still listed.
        """
        ...


def name_model(image: str) -> str:
    """Return the name of an image's model: "diabetes" of "diabetes:2"."""
    return image.rpartition(":")[0]


def previous_environment(environment: str) -> str:
    """Return the environment whose test an image must pass before `environment` accepts it; "" for the first one."""
    place = ENVIRONMENTS.index(environment)
    return ENVIRONMENTS[place - 1] if place else ""
