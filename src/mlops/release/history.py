"""The history of an environment: its deployments, the images that passed their test, and the rollbacks."""

# Each platform stores the history in its own way, and can add details to deployments in a subclass of `Deployment`.

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from mlops.platform.images import Image
from mlops.platform.models import FailedTest, name_version
from mlops.platform.services import NO_DECISION, Decision, Health, Rollback, Service, name_model

KEPT = 100  # maximum number of deployments in the history
Test = Literal["", "passed", "failed"]


@dataclass(frozen=True)
class Deployment:
    """An image that was deployed.

    `settings` has the settings of the platform with which the service was started; it is empty in older records. For
    `tested`, `decision`, `override`, `model_identity` and `runtime`, see `mlops.platform.services.Service`.
    """

    digest: str
    image: str
    model_version: int
    deployed: str
    tested: Test = ""
    decision: Decision = NO_DECISION
    override: str = ""
    model_identity: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    runtime: str = ""

    @property
    def model(self) -> str:
        """The model and version of the image, for display, with a note if a person overruled the promotion gate."""
        return name_version(name_model(self.image), self.model_version, self.override)


@dataclass(frozen=True)
class Deployments:
    """The deployments of one environment.

    Parameters
    ----------
    current : Deployment or None
        The current deployment, even if its service was stopped. None before the first deployment.
    history : tuple of Deployment
        The deployments before the current one, oldest first.
    passed : tuple of str
        The digests of the images that passed their test in this environment.
    rollbacks : tuple of Rollback
        The rollbacks, oldest first.
    """

    current: Deployment | None = None
    history: tuple[Deployment, ...] = ()
    passed: tuple[str, ...] = ()
    rollbacks: tuple[Rollback, ...] = ()

    @property
    def owner(self) -> str:
        """The name of the model in the current deployment. Empty before the first deployment."""
        return name_model(self.current.image) if self.current else ""

    def serve(self, deployment: Deployment) -> Self:
        """Return the state of the environment after a new deployment."""
        tested: Test = "passed" if deployment.digest in self.passed else ""
        before = (*self.history, self.current) if self.current else self.history
        return replace(self, current=replace(deployment, tested=tested), history=before[-KEPT:])

    def credit(self, decision: Decision, image: Image, settings: Mapping[str, str]) -> Self:
        """Return a copy whose `current` has this decision, these settings, and what `image` says about its model."""
        assert self.current is not None
        credited = replace(
            self.current,
            decision=decision,
            override=image.override,
            model_identity=image.model_identity,
            settings=settings,
            runtime=image.runtime,
        )
        return replace(self, current=credited)

    def list_changes(self, settings: Mapping[str, str]) -> tuple[str, ...]:
        """Describe the settings that differ from those of the current service: ("service_workers 2 (was 1)",)."""
        before = self.current.settings if self.current else {}
        changed = [name for name in settings if before.get(name, settings[name]) != settings[name]]
        return tuple(f"{name} {settings[name] or 'empty'} (was {before[name] or 'empty'})" for name in changed)

    def describe(
        self, environment: str, url: str, health: Health, example: str, *, accepts_keys: bool = True
    ) -> Service:
        """Describe the current deployment as a `Service` with this address and health."""
        current, previous = self.current, self.find_previous(same_model=True)
        assert current is not None
        return Service(
            environment=environment,
            url=url,
            digest=current.digest,
            health=health,
            image=current.image,
            model_version=current.model_version,
            deployed=current.deployed,
            tested=current.tested,
            example=example,
            decision=current.decision,
            override=current.override,
            previous=previous.image if previous else "",
            failed=self.list_failed(),
            accepts_keys=accepts_keys,
            model_identity=current.model_identity,
            runtime=current.runtime,
        )

    def restart(self, before: "Deployments") -> Self:
        """Return this state with the deployment time, test result and history of `before`; for use after a restart."""
        assert self.current is not None
        assert before.current is not None
        again = replace(self.current, deployed=before.current.deployed, tested=before.current.tested)
        return replace(self, current=again, history=before.history)

    def judge(self, *, passed: bool, at: str) -> Self:
        """Return the state of the environment after the test of the current deployment."""
        assert self.current is not None
        digest, image, identity = self.current.digest, self.current.image, self.current.model_identity
        forgotten = self.forget_pass(digest)
        tested = replace(self.current, tested="passed" if passed else "failed")
        kept = (*forgotten.passed, digest)[-KEPT:] if passed else forgotten.passed
        rollbacks = tuple(
            replace(old, lifted=at) if passed and old.bars(image, identity, digest) else old for old in self.rollbacks
        )
        return replace(self, current=tested, passed=kept, rollbacks=rollbacks)

    def forget_test(self) -> Self:
        """Return a copy of this state in which the current deployment is untested."""
        assert self.current is not None
        return replace(self.forget_pass(self.current.digest), current=replace(self.current, tested=""))

    def forget_pass(self, digest: str) -> Self:
        """Return a copy of this state in which the image with this digest does not count as having passed its test."""
        return replace(self, passed=tuple(known for known in self.passed if known != digest))

    def list_kept(self) -> list[Deployment]:
        """Return the deployments that a rollback can restore, oldest first, followed by the current deployment."""
        usable = [old for old in self.history if old.digest in self.passed]
        return [*usable, *([self.current] if self.current else [])]

    def list_failed(self) -> tuple[FailedTest, ...]:
        """Return the model versions that failed their latest test in this environment, in the order of deployment."""
        failed: list[FailedTest] = []
        for old in (*self.history, self.current):
            if old and old.tested:
                failed = [found for found in failed if not found.concerns(old.image, old.model_identity)]
                failed += [FailedTest(old.image, old.model_identity, old.digest)] if old.tested == "failed" else []
        return tuple(failed)

    def withdraw(self, rollback: Rollback, digest: str) -> Self:
        """Return the state after a rollback. The image with this digest no longer counts as having passed its test."""
        return replace(self.forget_pass(digest), rollbacks=(*self.rollbacks, rollback)[-KEPT:])

    def find_rollback(self, image: Image) -> Rollback | None:
        """Return the rollback that blocks the deployment of an image, or None."""
        found = [old for old in self.rollbacks if old.bars(image.name, image.model_identity, image.digest)]
        return found[-1] if found else None

    def find_previous(self, *, same_model: bool = False) -> Deployment | None:
        """Return the latest earlier deployment whose image passed its test and is not the current image, or None.

        If `same_model` is true, consider only deployments of the current model.
        """
        serving = self.current.digest if self.current else ""
        usable = [old for old in self.list_kept() if old.digest != serving]
        if same_model:
            usable = [old for old in usable if name_model(old.image) == self.owner]
        return usable[-1] if usable else None
