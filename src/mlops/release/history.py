"""What an environment serves and has served: which images passed their test, and what to go back to.

Every platform keeps it in its own place, with what it needs to know of a deployment in subclasses; what counts as
earlier is the same.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

KEPT = 100  # deployments that are remembered
Test = Literal["", "passed", "failed"]


@dataclass(frozen=True)
class Deployment:
    """An image that was deployed; `tested` as in `Service`."""

    digest: str
    image: str
    model_version: int
    deployed: str
    tested: Test = ""


@dataclass(frozen=True)
class Deployments:
    """The deployments of one environment.

    Parameters
    ----------
    current : Deployment or None
        What serves, or served when the service was stopped.
    history : tuple of Deployment
        What served before, oldest first.
    passed : tuple of str
        Digests that passed their test here.
    """

    current: Deployment | None = None
    history: tuple[Deployment, ...] = ()
    passed: tuple[str, ...] = ()

    def serve(self, deployment: Deployment) -> Self:
        """Return the state after a deployment; an image that has passed here before is not tested again."""
        tested: Test = "passed" if deployment.digest in self.passed else ""
        before = (*self.history, self.current) if self.current else self.history
        return replace(self, current=replace(deployment, tested=tested), history=before[-KEPT:])

    def judge(self, *, passed: bool) -> Self:
        """Return the state after the test of the current deployment."""
        assert self.current is not None
        digest = self.current.digest
        forgotten = self.forget_pass(digest)
        tested = replace(self.current, tested="passed" if passed else "failed")
        kept = (*forgotten.passed, digest)[-KEPT:] if passed else forgotten.passed
        return replace(self, current=tested, passed=kept)

    def forget_pass(self, digest: str) -> Self:
        """Return the state in which a digest has not passed."""
        return replace(self, passed=tuple(known for known in self.passed if known != digest))

    def list_kept(self) -> list[Deployment]:
        """Return what serves or served last, and all that rollbacks can restore, oldest first."""
        usable = [old for old in self.history if old.digest in self.passed]
        return [*usable, *([self.current] if self.current else [])]

    def find_previous(self) -> Deployment | None:
        """Return the latest earlier deployment that passed and has another digest than the current one."""
        serving = self.current.digest if self.current else ""
        usable = [old for old in self.list_kept() if old.digest != serving]
        return usable[-1] if usable else None
