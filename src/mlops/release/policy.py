"""The policy of releases: which images may be deployed, what a failed test restores, and how a rollback works.

It is the same on every platform. A platform implements only how to start, end and describe a service
(`mlops.release.host`), and passes that to `Releases`, which implements `mlops.platform.services.Services`:

.. code-block:: python

    services = Releases(LocalHost(home, settings, images, secrets), images.get_image)
"""

import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Generic

from mlops.errors import (
    ConflictError,
    DeploymentError,
    DeploymentNotFoundError,
    IntegrityError,
    LostLockError,
    MlopsError,
    RolledBackError,
)
from mlops.platform.images import Image
from mlops.platform.services import (
    ENVIRONMENTS,
    NO_DECISION,
    NO_PERMISSIONS,
    Decision,
    Judgement,
    Permissions,
    Rollback,
    Service,
    previous_environment,
)
from mlops.record.clock import now
from mlops.release.history import Deployment
from mlops.release.host import Host, Site, State, View
from mlops.release.next_release import describe_rollback


class Releases(Generic[State]):
    """The services of a platform; see `mlops.platform.services.Services`.

    Parameters
    ----------
    host : Host
        The platform's host of services.
    get_image : callable
        Returns an image of that platform by its digest: `Images.get_image`.
    """

    def __init__(self, host: Host[State], get_image: Callable[[str], Image]) -> None:
        self._host = host
        self._get_image = get_image

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
        """See `Services`."""
        self._require_not_rolled_back(environment, image, allowed)
        self._require_passed(environment, image)
        with self._host.lock(environment) as site:
            state = site.read()
            _require_kept(state, image, allowed)  # checked again, because a rollback may have held the lock
            self._require_owner(environment, state, image, allowed)
            same = state.current is not None and state.current.digest == image.digest
            if same and not force and site.matches_settings(state):
                service = site.describe(state)
                if service.health == "healthy":
                    return service
            return self._replace(site, state, image, ready_seconds, decision)

    def find_owner(self, environment: str) -> str:
        """See `Services`."""
        return self._host.look(environment).read().owner

    def record_test(self, environment: str, digest: str, *, passed: bool, answered: bool = True) -> Judgement:
        """See `Services`."""
        with self._host.lock(environment) as site:
            state = site.read()
            if state.current is None or state.current.digest != digest:
                return Judgement("replaced", site.describe(state) if state.current else None)
            if not answered:
                service = site.describe(state)
                if service.health == "healthy":
                    return Judgement("unanswered", service)  # a service that is unreachable from here may be healthy
            state = state.judge(passed=passed, at=now())
            site.write(state)
            if passed or not _restores(environment):
                return Judgement("passed" if passed else "failed", site.describe(state))
            return Judgement("failed", self._undo_failed(site, state))

    def roll_back(self, environment: str, decision: Decision = NO_DECISION, *, take_over: bool = False) -> Rollback:
        """See `Services`."""
        with self._host.lock(environment) as site:
            state = site.read()
            current, previous = self._choose_previous(environment, state, take_over)
            rollback = _record_rollback(environment, current, previous, decision)

            def withdraw(served: State) -> State:  # so that the next rollback goes further back
                assert served.current is not None
                return served.withdraw(replace(rollback, at=served.current.deployed), current.digest)

            service = self._restore(site, state, previous, decision, withdraw)
            return replace(rollback, at=service.deployed)

    def require_previous(self, environment: str, *, take_over: bool = False) -> None:
        """See `Services`."""
        self._choose_previous(environment, self._host.look(environment).read(), take_over)

    def list_rollbacks(self) -> list[Rollback]:
        """See `Services`."""
        states = [_read(self._host.look(environment)) for environment in ENVIRONMENTS]
        found = [reversed(state.rollbacks) for state in states if not isinstance(state, IntegrityError)]
        # Merged, not sorted: within an environment their own order holds, whatever the clock said.
        return list(heapq.merge(*found, key=lambda rollback: rollback.at, reverse=True))

    def accepts_keys(self, environment: str) -> bool:
        """See `Services`."""
        view = self._host.look(environment)
        return view.accepts_keys(view.read())

    def rotate_keys(self, environment: str) -> None:
        """See `Services`."""
        with self._host.lock(environment) as site:
            state = site.read()
            with site.replace_keys(keep_primary=site.accepts_keys(state)) as has_them:
                current = state.current
                if current is None or has_them or site.describe(state).health == "stopped":
                    return
                image, seconds = self._get_image(current.digest), self._host.restore_seconds
                image = replace(image, override=current.override)
                self._replace(site, state, image, seconds, current.decision, lambda served: served.restart(state))

    def stop(self, environment: str) -> bool:
        """See `Services`."""
        with self._host.lock(environment) as site:
            return site.end()

    def list_services(self) -> list[Service]:
        """See `Services`."""
        views = [self._host.look(environment) for environment in ENVIRONMENTS]
        read = [(view, environment, _read(view)) for view, environment in zip(views, ENVIRONMENTS, strict=True)]
        found = (_describe(view, environment, state) for view, environment, state in read)
        return [service for service in found if service]

    def _require_passed(self, environment: str, image: Image) -> None:
        before = previous_environment(environment)
        if before and image.digest not in self._host.look(before).read().passed:
            raise DeploymentError(
                f"{image.name} ({image.digest}) has not passed its test in {before}, and {environment} takes only "
                f"images that have. Run `mlops run release{self._host.command_options}`."
            )

    def _require_not_rolled_back(self, environment: str, image: Image, allowed: Permissions) -> None:
        """Refuse a version that was rolled back here, or in a later environment that a release would deploy it to."""
        for place in ENVIRONMENTS[ENVIRONMENTS.index(environment) :]:
            _require_kept(self._host.look(place).read(), image, allowed)

    def _require_owner(self, environment: str, state: State, image: Image, allowed: Permissions) -> None:
        """Refuse to replace another model."""
        if state.owner not in ("", image.model_name) and not allowed.take_over:
            raise DeploymentError(explain_owner(environment, state.owner, image.model_name))

    def _choose_previous(self, environment: str, state: State, take_over: bool) -> tuple[Deployment, Deployment]:
        """Return the deployment that a rollback replaces, and the one that it restores."""
        previous, other = state.find_previous(same_model=not take_over), state.find_previous()
        if state.current and previous:
            return state.current, previous
        if state.current and other:
            raise DeploymentError(
                f"{environment} serves the model {state.owner}, and the image before it is of another model, "
                f"{other.model}. Add `--take-over` to restore it."
            )
        options = self._host.command_options
        stop = f", or stop the services with `mlops stop{options}`" if state.current else ""
        raise DeploymentNotFoundError(
            f"{environment} has no earlier image that passed its test, so there is nothing to roll back to. "
            f"Train and release another model with `mlops run all{options}`{stop}."
        )

    def _undo_failed(self, site: Site[State], state: State) -> Service | None:
        """Restore what served before the current deployment, which failed its test; end the service if nothing did."""
        failed, previous = state.current, state.find_previous()
        if failed is None or previous is None:
            site.end()
            return None
        why = Decision(failed.decision.by, f"{failed.model} failed its test", failed.decision.run_id)
        return self._restore(site, state, previous, why)

    def _restore(
        self,
        site: Site[State],
        state: State,
        previous: Deployment,
        decision: Decision,
        change: Callable[[State], State] = lambda served: served,
    ) -> Service:
        """Serve an earlier deployment again."""
        image = replace(self._get_image(previous.digest), override=previous.override)
        return self._replace(site, state, image, self._host.restore_seconds, decision, change)

    def _replace(
        self,
        site: Site[State],
        state: State,
        image: Image,
        ready_seconds: float,
        decision: Decision,
        change: Callable[[State], State] = lambda served: served,
    ) -> Service:
        """Serve `image` in place of the present service, and restore that one if it fails.

        A canary would go here: between `serve` and `retire`, both services run. `change` is applied to the state
        before it is stored, so that the new service and the change are stored in one write.
        """
        try:
            served = change(site.serve(state, image, ready_seconds).credit(decision, image.override))
            site.write(served)
        except (ConflictError, LostLockError):
            raise  # do not undo: another deployment may have the lock by now
        except BaseException as error:
            _undo(site, state, error)
            raise
        site.retire(state)
        return site.describe(served)


def _read(view: View[State]) -> State | IntegrityError:
    try:
        return view.read()
    except IntegrityError as error:
        return error


def _describe(view: View[State], environment: str, state: State | IntegrityError) -> Service | None:
    if isinstance(state, IntegrityError):
        return Service(environment, "", "", "unreadable", "", 0, "", problem=str(state))
    return view.describe(state) if state.current else None


def explain_owner(environment: str, owner: str, model_name: str) -> str:
    """Return why a model must not be deployed in an environment that serves another one, and what to do."""
    return (
        f"{environment} serves the model {owner}, and this run would deploy the model {model_name}. "
        f"Add `--take-over` to replace {owner}."
    )


def _record_rollback(environment: str, current: Deployment, previous: Deployment, decision: Decision) -> Rollback:
    return Rollback(
        environment=environment,
        image=current.image,
        model_version=current.model_version,
        restored=previous.image,
        restored_version=previous.model_version,
        at="",
        decision=decision,
        override=current.override,
        restored_override=previous.override,
    )


def _restores(environment: str) -> bool:
    """Return whether a failed test restores the previous service. It does not in the first environment."""
    return previous_environment(environment) != ""


def _undo(site: Site[State], state: State, error: BaseException) -> None:
    """Undo a failed deployment. If that fails, too, add a note to `error`."""
    try:
        site.put_back(state)
    except (MlopsError, OSError) as failure:
        error.add_note(f"Could not undo the deployment: {failure}")


def _require_kept(state: State, image: Image, allowed: Permissions) -> None:
    """Refuse a version that was rolled back in the environment of `state`."""
    rollback = None if allowed.redeploy else state.find_rollback(image)
    if rollback:
        raise RolledBackError(f"{describe_rollback(rollback)} It is deployed again only with `--redeploy-rolled-back`.")
