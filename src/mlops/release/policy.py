"""The rules for releases: when images are deployed, and what happens after a failed test or in a rollback."""

# The rules are the same on every platform. A platform implements `mlops.release.host.Host`, which starts, ends and
# describes services. It passes its host to `Releases`, which implements `mlops.platform.services.Services`:
#
#     services = Releases(LocalHost(...), images.get_image)

import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Generic

from mlops.errors import (
    ConflictError,
    DeploymentNotFoundError,
    IntegrityError,
    LostLockError,
    MlopsError,
    PlatformError,
    ServiceTestFailed,
)
from mlops.platform.images import Image
from mlops.platform.models import is_same_model
from mlops.platform.services import (
    ENVIRONMENTS,
    FAILED_TEST,
    NO_DECISION,
    NO_PERMISSIONS,
    UNFINISHED_TEST,
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
from mlops.release.refusals import choose_previous, require_kept, require_kept_everywhere, require_owner, require_passed


class Releases(Generic[State]):
    """The services of a platform; see `mlops.platform.services.Services`.

    Parameters
    ----------
    host : Host
        The part of the platform that runs its services.
    get_image : callable
        A function that returns the image with a given digest: `Images.get_image`.
    """

    def __init__(self, host: Host[State], get_image: Callable[[str], Image]) -> None:
        self._host = host
        self._get_image = get_image
        self.command_options = host.command_options

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
        require_kept_everywhere(self._host, environment, image, allowed)
        require_passed(self._host, environment, image)
        with self._host.lock(environment) as site:
            state = site.read()
            # Checked again, because a rollback may have held the lock in the meantime.
            require_kept(state, image, allowed)
            require_owner(environment, state, image, allowed)
            same = state.current is not None and state.current.digest == image.digest
            changes = state.list_changes(site.list_settings()) if same else ()
            if same and not force and not changes and site.matches_settings(state):
                service = site.describe(state)
                if service.health == "healthy":
                    return service
            return replace(self._switch_to(site, state, image, ready_seconds, decision), changes=changes)

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
                    return Judgement("unanswered", service)  # the service runs, but cannot be reached from this machine
            state = state.judge(passed=passed, at=now())
            if not passed:
                log = site.quote_log(state)  # read before another service is restored
                return Judgement("failed", self._record_failed_test(environment, site, state), log)
            site.write(state)
            return Judgement("passed", site.describe(state))

    def abandon_test(self, environment: str, digest: str) -> Judgement:
        """See `Services`."""
        with self._host.lock(environment) as site:
            state = site.read()
            if state.current is None or state.current.digest != digest:
                return Judgement("replaced", site.describe(state) if state.current else None)
            state = state.forget_test()
            site.write(state)
            if not _restores_after_failure(environment):
                return Judgement("interrupted", site.describe(state))
            return Judgement("interrupted", self._restore_previous_or_end(site, state, UNFINISHED_TEST))

    def roll_back(self, environment: str, decision: Decision = NO_DECISION, *, take_over: bool = False) -> Rollback:
        """See `Services`."""
        with self._host.lock(environment) as site:
            state = site.read()
            current, previous = choose_previous(environment, state, take_over, self._host.command_options)
            rollback = _record_rollback(environment, current, previous, decision)

            def withdraw(served: State) -> State:  # so that the next rollback restores an earlier deployment
                assert served.current is not None
                return served.withdraw(replace(rollback, at=served.current.deployed), current.digest)

            service = self._serve_again(site, state, previous, decision, withdraw)
            return replace(rollback, at=service.deployed)

    def require_previous(self, environment: str, *, take_over: bool = False) -> None:
        """See `Services`."""
        state, options = self._host.look(environment).read(), self._host.command_options
        choose_previous(environment, state, take_over, options)

    def list_rollbacks(self) -> list[Rollback]:
        """See `Services`."""
        states = [_read(self._host.look(environment)) for environment in ENVIRONMENTS]
        found = [reversed(state.rollbacks) for state in states if not isinstance(state, IntegrityError)]
        # Merged, not sorted, because the order within an environment is right even if the clock was set back.
        return list(heapq.merge(*found, key=lambda rollback: rollback.at, reverse=True))

    def accepts_keys(self, environment: str) -> bool:
        """See `Services`."""
        view = self._host.look(environment)
        if view.accepts_keys(view.read()):
            return True
        with self._host.lock(environment) as site:  # a rotation stores the new keys before the service has them
            return site.accepts_keys(site.read())

    def rotate_keys(self, environment: str) -> None:
        """See `Services`."""
        if self._host.look(environment).read().current is None:
            return  # without a service, nothing uses the keys
        with self._host.lock(environment) as site:
            state = site.read()
            with site.replace_keys(keep_primary=site.accepts_keys(state)) as has_them:
                current = state.current
                if current is None or has_them or site.describe(state).health == "stopped":
                    return
                self._serve_again(site, state, current, current.decision, lambda served: served.restart(state))

    def start(self, environment: str) -> Service | None:
        """See `Services`."""
        with self._host.lock(environment) as site:
            state = site.read()
            current = state.current
            if current is None:
                raise DeploymentNotFoundError(
                    f"No image was deployed in {environment}. Run `mlops run release{self.command_options}`."
                )
            if site.describe(state).health != "stopped":
                return None
            return self._serve_again(site, state, current, current.decision, lambda served: served.restart(state))

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

    def _record_failed_test(self, environment: str, site: Site[State], state: State) -> Service | None:
        assert state.current is not None
        restores = _restores_after_failure(environment)
        try:
            site.write(state)
            return self._restore_previous_or_end(site, state, FAILED_TEST) if restores else site.describe(state)
        except PlatformError as error:  # converted, because a PlatformError would mean that nothing was changed
            lost = "the previous service could not be restored" if restores else "the platform reported an error"
            raise ServiceTestFailed(
                f"{state.current.model} failed its test in {environment}, but {lost}. {error}"
            ) from error

    def _restore_previous_or_end(self, site: Site[State], state: State, reason: str) -> Service | None:
        undone, previous = state.current, state.find_previous()
        if undone is None or previous is None:
            site.end()
            return None
        why = Decision(undone.decision.by, f"{undone.model} {reason}", undone.decision.run_id)
        return self._serve_again(site, state, previous, why)

    def _serve_again(
        self,
        site: Site[State],
        state: State,
        previous: Deployment,
        decision: Decision,
        change: Callable[[State], State] = lambda served: served,
    ) -> Service:
        image = _mark_as_deployed(self._get_image(previous.digest), previous)
        return self._switch_to(site, state, image, self._host.restore_seconds, decision, change)

    def _switch_to(
        self,
        site: Site[State],
        state: State,
        image: Image,
        ready_seconds: float,
        decision: Decision,
        change: Callable[[State], State] = lambda served: served,
    ) -> Service:
        try:
            served = change(site.serve(state, image, ready_seconds).credit(decision, image, site.list_settings()))
            site.write(served)
        except (ConflictError, LostLockError):
            raise  # do not undo: another deployment may hold the lock now
        except BaseException as error:
            _undo_or_note(site, state, error)
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
    if not state.current:
        return None
    return replace(view.describe(state), changes=state.list_changes(view.list_settings()))


def _record_rollback(environment: str, current: Deployment, previous: Deployment, decision: Decision) -> Rollback:
    same = is_same_model(current.image, current.model_identity, previous.image, previous.model_identity)
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
        model_identity=current.model_identity,
        digest=current.digest if same else "",
        restored_digest=previous.digest if same else "",
    )


def _mark_as_deployed(image: Image, deployed: Deployment) -> Image:
    # These fields are not read from the registry, because the model may have been deleted.
    return replace(image, override=deployed.override, model_identity=deployed.model_identity)


def _restores_after_failure(environment: str) -> bool:
    return previous_environment(environment) != ""


def _undo_or_note(site: Site[State], state: State, error: BaseException) -> None:
    try:
        site.put_back(state)
    except (MlopsError, OSError) as failure:
        error.add_note(f"Could not undo the deployment: {failure}")
