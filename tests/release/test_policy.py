"""The policy of releases, over a host whose services are entries of a dictionary."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from mlops.errors import (
    ConflictError,
    DeploymentError,
    DeploymentNotFoundError,
    LostLockError,
    PlatformError,
    RolledBackError,
    ServiceTestFailed,
)
from mlops.platform.images import Image
from mlops.platform.models import FailedTest
from mlops.platform.services import NO_PERMISSIONS, Decision, Health, Judgement, Permissions, Service
from mlops.release.history import Deployment, Deployments
from mlops.release.policy import Releases
from mlops.release.service_checks import Check, NoAnswer, conclude_test


def make_image(version: int, model: str = "tiny") -> Image:
    """Make an image that is only a name."""
    digest = f"sha256:{version}" if model == "tiny" else f"sha256:{model}-{version}"
    return Image(f"{model}:{version}", digest, f"memory://{model}/{version}", model, version)


ONE, TWO, THREE = (make_image(version) for version in (1, 2, 3))
OTHER = make_image(1, "other")
ONE_BROKEN = replace(ONE, digest="sha256:0000badbadbadbad")  # other images of the same model version
ONE_CORRECTED = replace(ONE, digest="sha256:0000ffffffffffff")
ANN = Decision("ann", "too slow", "20261126-rollback")


def get_image(digest: str) -> Image:
    """Return an image by its digest."""
    return {image.digest: image for image in (ONE, TWO, THREE, OTHER, ONE_BROKEN, ONE_CORRECTED)}[digest]


@dataclass
class MemoryHost:
    """A host that only remembers what it serves. A test chooses the calls that fail.

    `serving` has the digest that each environment serves, and `states` has the stored states. `done` lists the calls,
    `broken` names the calls that fail, and `unhealthy` names the environments whose service does not answer. `settings`
    has the settings that a new service would get.
    """

    command_options: str = " --platform memory"
    restore_seconds: float = 7.0
    serving: dict[str, str] = field(default_factory=dict)
    states: dict[str, Deployments] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    broken: dict[str, BaseException] = field(default_factory=dict)
    unhealthy: set[str] = field(default_factory=set)
    outdated: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=dict)

    def look(self, environment: str) -> "MemorySite":
        """See `mlops.release.host.Host`."""
        return MemorySite(self, environment)

    @contextmanager
    def lock(self, environment: str) -> Iterator["MemorySite"]:
        """See `mlops.release.host.Host`."""
        self.locked.add(environment)
        try:
            yield MemorySite(self, environment)
        finally:
            self.locked.remove(environment)


@dataclass
class MemorySite:
    """See `mlops.release.host.Site`."""

    host: MemoryHost
    environment: str

    def read(self) -> Deployments:
        return self.host.states.get(self.environment, Deployments())

    def write(self, state: Deployments) -> None:
        self._do("write")
        self.host.states[self.environment] = state

    def matches_settings(self, state: Deployments) -> bool:
        return self.environment not in self.host.outdated

    def list_settings(self) -> dict[str, str]:
        return self.host.settings

    def accepts_keys(self, state: Deployments) -> bool:
        return self.environment not in self.host.outdated

    @contextmanager
    def replace_keys(self, *, keep_primary: bool) -> Iterator[bool]:
        self._do(f"replace the keys, {keep_primary}")
        try:
            yield False
        except DeploymentError:
            self._do("put the keys back")
            raise

    def serve(self, state: Deployments, image: Image, ready_seconds: float) -> Deployments:
        self._do(f"serve {image.name} within {ready_seconds:g} s")
        self.host.serving[self.environment] = image.digest
        return state.serve(Deployment(image.digest, image.name, image.model_version, "2026-11-25T00:00:00Z"))

    def put_back(self, state: Deployments) -> None:
        self._do("put back")
        if state.current:
            self.host.serving[self.environment] = state.current.digest
        else:
            self.host.serving.pop(self.environment, None)

    def retire(self, state: Deployments) -> None:
        self._do(f"retire {state.current.image if state.current else 'nothing'}")

    def end(self) -> bool:
        self._do("end")
        return self.host.serving.pop(self.environment, None) is not None

    def describe(self, state: Deployments) -> Service:
        found = state.current
        assert found is not None
        served = self.host.serving.get(self.environment)
        health: Health = "healthy" if served == found.digest else "stopped" if served is None else "unhealthy"
        health = "unhealthy" if self.environment in self.host.unhealthy else health
        return state.describe(self.environment, f"memory://{self.environment}", health, "")

    def quote_log(self, state: Deployments) -> str:
        return f"The end of {self.host.serving[self.environment]}.log:\nno such table"

    def _do(self, what: str) -> None:
        assert self.environment in self.host.locked, f"{what} without the lock of {self.environment}"
        self.host.done.append(what)
        if what.split()[0] in self.host.broken:
            raise self.host.broken.pop(what.split()[0])


@pytest.fixture
def host() -> MemoryHost:
    """A host that serves nothing yet."""
    return MemoryHost()


@pytest.fixture
def releases(host: MemoryHost) -> Releases[Deployments]:
    """The services of the host."""
    return Releases(host, get_image)


def deploy(
    releases: Releases[Deployments],
    environment: str,
    image: Image,
    *,
    force: bool = False,
    allowed: Permissions = NO_PERMISSIONS,
) -> Service:
    """Deploy an image."""
    return releases.deploy(environment, image, ready_seconds=3.0, force=force, allowed=allowed)


def release(
    releases: Releases[Deployments], image: Image, *, passed: bool | None = True, allowed: Permissions = NO_PERMISSIONS
) -> Service | None:
    """Take an image through QA to production, and record how its test ended there: `passed` is None if it did not."""
    deploy(releases, "qa", image, allowed=allowed)
    releases.record_test("qa", image.digest, passed=True)
    deploy(releases, "production", image, allowed=allowed)
    if passed is None:
        return releases.abandon_test("production", image.digest).serving
    return releases.record_test("production", image.digest, passed=passed).serving


def test_production_takes_only_what_passed_in_qa(host: MemoryHost, releases: Releases[Deployments]) -> None:
    deploy(releases, "qa", ONE)
    for _ in range(2):
        with pytest.raises(DeploymentError) as raised:
            deploy(releases, "production", ONE)
        releases.record_test("qa", ONE.digest, passed=False)
    assert str(raised.value) == (
        "tiny:1 (sha256:1) has not passed its test in qa, and production accepts only images that passed it. "
        "Test the image with `mlops run release -p deploy_qa.image_digest=sha256:1 --platform memory`."
    )
    assert "production" not in host.serving
    releases.record_test("qa", ONE.digest, passed=True)
    assert deploy(releases, "production", ONE).health == "healthy"


def test_a_healthy_service_of_the_same_image_is_left_alone(host: MemoryHost, releases: Releases[Deployments]) -> None:
    first = deploy(releases, "qa", ONE)
    host.done.clear()
    assert deploy(releases, "qa", ONE) == first
    assert host.done == []


@pytest.mark.parametrize("reason", ["force", "unhealthy", "outdated"])
def test_it_is_replaced_for_a_reason(host: MemoryHost, releases: Releases[Deployments], reason: str) -> None:
    deploy(releases, "qa", ONE)
    host.done.clear()
    if reason != "force":
        getattr(host, reason).add("qa")
    deploy(releases, "qa", ONE, force=reason == "force")
    assert host.done == ["serve tiny:1 within 3 s", "write", "retire tiny:1"]


def test_what_served_before_ends_once_the_new_one_is_remembered(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    deploy(releases, "qa", ONE)
    deploy(releases, "qa", TWO)
    assert host.done[3:] == ["serve tiny:2 within 3 s", "write", "retire tiny:1"]


def test_a_failed_test_quotes_the_log_of_the_tested_service(releases: Releases[Deployments]) -> None:
    release(releases, ONE)
    deploy(releases, "qa", TWO)
    releases.record_test("qa", TWO.digest, passed=True)
    deploy(releases, "production", TWO)
    wrong = Check("predictions", "1", "nothing", passed=False)
    with pytest.raises(ServiceTestFailed) as raised:
        conclude_test(releases, "production", TWO.digest, "http://there", [wrong])
    assert str(raised.value) == (
        "http://there fails 1 check, and production now serves tiny version 1:\n"
        "  predictions: expected 1, saw nothing\n"
        "The end of sha256:2.log:\nno such table"
    )


def test_a_failed_test_in_qa_is_only_recorded(host: MemoryHost, releases: Releases[Deployments]) -> None:
    release(releases, ONE)
    deploy(releases, "qa", TWO)
    judged = releases.record_test("qa", TWO.digest, passed=False)
    tested = judged.serving
    assert (judged.kind, tested is not None) == ("failed", True)
    assert tested is not None
    assert (tested.image, tested.tested, tested.health) == ("tiny:2", "failed", "healthy")


def test_a_failed_test_in_production_restores_what_passed_last(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    release(releases, ONE)
    serves = release(releases, TWO, passed=False)
    assert serves is not None
    assert (serves.image, serves.tested, serves.health) == ("tiny:1", "passed", "healthy")
    assert "serve tiny:1 within 7 s" in host.done


def test_a_failed_first_release_leaves_nothing_serving(host: MemoryHost, releases: Releases[Deployments]) -> None:
    assert release(releases, ONE, passed=False) is None
    assert host.serving == {"qa": "sha256:1"}
    assert [(service.environment, service.health) for service in releases.list_services()] == [
        ("qa", "healthy"),
        ("production", "stopped"),
    ]


def test_an_interrupted_test_in_production_restores_but_is_no_failure(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    release(releases, ONE)
    release(releases, TWO, passed=None)
    production = releases.list_services()[1]
    assert (production.image, production.tested, production.health) == ("tiny:1", "passed", "healthy")
    assert production.failed == ()
    assert production.decision.reason == "tiny version 2 did not finish its test"
    assert releases.abandon_test("production", TWO.digest) == Judgement("replaced", production)
    release(releases, TWO)
    assert releases.list_services()[1].image == "tiny:2"


def test_an_interrupted_test_ends_an_earlier_pass(releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    release(releases, TWO, passed=None)
    production = releases.list_services()[1]
    assert (production.image, production.previous, production.failed) == ("tiny:1", "", ())


def test_an_interrupted_first_release_leaves_nothing_serving(releases: Releases[Deployments]) -> None:
    assert release(releases, ONE, passed=None) is None
    production = releases.list_services()[1]
    assert (production.health, production.tested, production.failed) == ("stopped", "", ())


def test_a_test_of_what_does_not_serve_changes_nothing(host: MemoryHost, releases: Releases[Deployments]) -> None:
    assert releases.record_test("production", ONE.digest, passed=False) == Judgement("replaced", None)
    release(releases, ONE)
    host.done.clear()
    judged = releases.record_test("production", TWO.digest, passed=False)
    assert judged == Judgement("replaced", releases.list_services()[1])
    assert host.done == []


def test_each_rollback_goes_further_back(host: MemoryHost, releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO, THREE):
        release(releases, image)
    assert [releases.roll_back("production").restored for _ in range(2)] == ["tiny:2", "tiny:1"]
    with pytest.raises(
        DeploymentNotFoundError,
        match=r"to\. Train .* `mlops run all --platform memory`, or stop .*`mlops stop --platform memory`",
    ):
        releases.roll_back("production")
    assert host.serving["production"] == "sha256:1"


@pytest.mark.parametrize("call", ["serve", "write"])
def test_a_deployment_that_fails_is_undone(host: MemoryHost, releases: Releases[Deployments], call: str) -> None:
    deploy(releases, "qa", ONE)
    host.broken[call] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        deploy(releases, "qa", TWO)
    assert host.done[-1] == "put back"
    assert [(service.image, service.health) for service in releases.list_services()] == [("tiny:1", "healthy")]


def test_what_cannot_be_undone_is_a_note_to_the_first_error(host: MemoryHost, releases: Releases[Deployments]) -> None:
    host.broken = {"serve": DeploymentError("tiny:1 does not start"), "put": PlatformError("Azure said no")}
    with pytest.raises(DeploymentError, match="tiny:1 does not start") as raised:
        deploy(releases, "qa", ONE)
    assert raised.value.__notes__ == ["Could not undo the deployment: Azure said no"]


@pytest.mark.parametrize("lost", [ConflictError, LostLockError])
def test_nothing_is_undone_where_another_deployment_may_have_come(
    host: MemoryHost, releases: Releases[Deployments], lost: type[Exception]
) -> None:
    deploy(releases, "qa", ONE)
    host.broken["write"] = lost("another deployment may hold the lock")
    host.done.clear()
    with pytest.raises(lost):
        deploy(releases, "qa", TWO)
    assert host.done == ["serve tiny:2 within 3 s", "write"]


def test_stop_remembers_what_served(host: MemoryHost, releases: Releases[Deployments]) -> None:
    release(releases, ONE)
    assert [releases.stop("production") for _ in range(2)] == [True, False]
    assert [service.health for service in releases.list_services()] == ["healthy", "stopped"]
    assert deploy(releases, "production", ONE).tested == "passed"


def test_another_model_takes_an_environment_over_only_if_asked(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    release(releases, ONE)
    assert [releases.find_owner(name) for name in ("qa", "production")] == ["tiny", "tiny"]
    host.done.clear()
    with pytest.raises(DeploymentError) as raised:
        deploy(releases, "qa", OTHER)
    assert str(raised.value) == (
        "qa serves the model tiny, and this run would deploy the model other. Add `--take-over` to replace tiny."
    )
    assert host.done == []
    release(releases, OTHER, allowed=Permissions(take_over=True))
    assert releases.find_owner("production") == "other"
    with pytest.raises(DeploymentError, match="serves the model other"):
        deploy(releases, "qa", ONE)


def test_a_failed_take_over_gives_the_environment_back(releases: Releases[Deployments]) -> None:
    release(releases, ONE)
    release(releases, OTHER, passed=False, allowed=Permissions(take_over=True))
    assert releases.find_owner("production") == "tiny"
    assert releases.list_services()[1].failed == (FailedTest("other:1", digest=OTHER.digest),)


def test_a_rollback_to_another_model_is_a_take_over(releases: Releases[Deployments]) -> None:
    release(releases, ONE)
    release(releases, OTHER, allowed=Permissions(take_over=True))
    assert releases.list_services()[1].previous == ""
    for ask in (releases.require_previous, releases.roll_back):
        with pytest.raises(DeploymentError) as raised:
            ask("production")
        assert str(raised.value) == (
            "production serves the model other, but its previous image belongs to another model, tiny version 1. "
            "Add `--take-over` to restore it."
        )
    releases.require_previous("production", take_over=True)
    assert releases.roll_back("production", ANN, take_over=True).restored == "tiny:1"


def test_a_rollback_stays_with_its_model_unless_asked(releases: Releases[Deployments]) -> None:
    release(releases, ONE)
    release(releases, OTHER, allowed=Permissions(take_over=True))
    release(releases, TWO, allowed=Permissions(take_over=True))
    assert releases.list_services()[1].previous == "tiny:1"
    assert releases.roll_back("production", ANN).restored == "tiny:1"


def test_a_rollback_happened_when_what_serves_instead_was_deployed(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    rollback = releases.roll_back("production", ANN)
    assert [rollback] == releases.list_rollbacks()
    assert rollback.at == releases.list_services()[1].deployed != ""


@pytest.mark.parametrize("next_test", ["the same image passes", "the same image fails", "another image is released"])
def test_a_failed_test_that_was_killed_before_it_restored_is_put_right_by_the_next(
    host: MemoryHost, releases: Releases[Deployments], next_test: str
) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    host.broken["serve"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        releases.record_test("production", TWO.digest, passed=False)
    killed = releases.list_services()[1]
    assert (killed.image, killed.tested, killed.health, killed.previous) == ("tiny:2", "failed", "healthy", "tiny:1")
    if next_test == "another image is released":
        release(releases, THREE)
    else:
        release(releases, TWO, passed=next_test == "the same image passes")
    put_right = releases.list_services()[1]
    serves = {"the same image passes": "tiny:2", "the same image fails": "tiny:1"}.get(next_test, "tiny:3")
    assert (put_right.image, put_right.tested, put_right.health) == (serves, "passed", "healthy")


def test_a_model_that_was_promoted_over_the_gate_keeps_its_mark(releases: Releases[Deployments]) -> None:
    mark = "gate overruled by alice: ticket 42"
    release(releases, replace(ONE, override=mark))
    release(releases, TWO)
    assert releases.roll_back("production", ANN).restored_model == "tiny version 1 (gate overruled)"
    assert releases.list_services()[1].model == "tiny version 1 (gate overruled)"
    releases.rotate_keys("production")
    assert releases.list_services()[1].full_model == f"tiny version 1 ({mark})"


def test_a_version_that_was_rolled_back_is_deployed_again_only_if_asked(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    rollback = releases.roll_back("production", ANN)
    assert (rollback.model, rollback.restored_model, rollback.decision) == ("tiny version 2", "tiny version 1", ANN)
    host.done.clear()
    for environment in ("qa", "production"):
        with pytest.raises(RolledBackError) as raised:
            deploy(releases, environment, TWO)
    assert str(raised.value) == (
        "tiny version 2 was rolled back to tiny version 1 in production "
        f"on {rollback.at.replace('T', ' ')[:-1]} UTC by ann (too slow). "
        "tiny version 2 is deployed again only with `--redeploy-rolled-back`."
    )
    assert host.done == []
    deploy(releases, "qa", ONE)  # the image that serves may still be deployed


def test_a_rollback_between_two_images_of_one_version_bars_only_the_removed_image(
    releases: Releases[Deployments],
) -> None:
    """A corrected scoring script gives a third image of the version, which must be releasable."""
    for image in (ONE, ONE_BROKEN):
        release(releases, image)
    rollback = releases.roll_back("production", ANN)
    assert (rollback.digest, rollback.restored_digest) == (ONE_BROKEN.digest, ONE.digest)
    assert rollback.model == "tiny version 1 (image sha256:0000badbadba…)"
    with pytest.raises(RolledBackError) as raised:
        deploy(releases, "qa", ONE_BROKEN)
    assert str(raised.value).startswith(
        "tiny version 1 (image sha256:0000badbadba…) was rolled back to tiny version 1 (image sha256:1…) in production"
    )
    release(releases, ONE)
    release(releases, ONE_CORRECTED)
    (lasting,) = releases.list_rollbacks()
    assert not lasting.lifted
    release(releases, ONE_BROKEN, allowed=Permissions(redeploy=True))
    assert releases.list_rollbacks()[0].lifted


def test_a_deployment_that_waited_for_a_rollback_is_refused(host: MemoryHost, releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO):
        release(releases, image)

    @dataclass
    class Waiting(MemoryHost):
        @contextmanager
        def lock(self, environment: str) -> Iterator[MemorySite]:
            releases.roll_back(environment, ANN)
            with super().lock(environment) as site:
                yield site

    waiting = Releases(Waiting(serving=host.serving, states=host.states), get_image)
    with pytest.raises(RolledBackError, match="tiny version 2 was rolled back to tiny version 1 in production"):
        waiting.deploy("production", TWO, ready_seconds=1, force=True)
    assert host.states["production"].current.digest == ONE.digest


def test_a_rollback_is_lifted_once_its_version_has_passed_again(releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    releases.roll_back("production", ANN)
    release(releases, TWO, passed=False, allowed=Permissions(redeploy=True))
    with pytest.raises(RolledBackError, match="tiny version 2 was rolled back to tiny version 1 in production"):
        deploy(releases, "qa", TWO)
    release(releases, TWO, allowed=Permissions(redeploy=True))
    assert deploy(releases, "production", TWO).tested == "passed"
    (rollback,) = releases.list_rollbacks()
    assert rollback.lifted


def test_another_image_of_a_version_that_was_rolled_back_is_refused_as_well(releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    releases.roll_back("production", ANN)
    with pytest.raises(RolledBackError, match="tiny version 2 was rolled back to tiny version 1 in production"):
        deploy(releases, "qa", Image("tiny:2", "sha256:built-again", "", "tiny", 2))


def test_a_rollback_does_not_concern_another_model_of_the_same_number(releases: Releases[Deployments]) -> None:
    """A restored registry may give the number to another model."""
    release(releases, ONE)
    release(releases, replace(TWO, model_identity="tiny:2:a"))
    assert releases.roll_back("production", ANN).model_identity == "tiny:2:a"
    with pytest.raises(RolledBackError, match="tiny version 2 was rolled back to tiny version 1 in production"):
        deploy(releases, "qa", replace(TWO, model_identity="tiny:2:a"))
    with pytest.raises(RolledBackError, match="was rolled back"):  # an older version of the engine recorded no identity
        deploy(releases, "qa", TWO)
    release(releases, replace(TWO, digest="sha256:other", model_identity="tiny:2:b"))
    (rollback,) = releases.list_rollbacks()
    assert not rollback.lifted
    assert releases.list_services()[1].model_identity == "tiny:2:b"


def test_a_failed_test_belongs_to_one_model_of_its_number(releases: Releases[Deployments]) -> None:
    first, second = (replace(TWO, digest=f"sha256:{name}", model_identity=f"tiny:2:{name}") for name in "ab")
    release(releases, ONE)
    release(releases, first, passed=False)
    release(releases, second)
    assert releases.list_services()[1].failed == (FailedTest("tiny:2", "tiny:2:a", "sha256:a"),)
    release(releases, first)
    assert releases.list_services()[1].failed == ()


def test_a_later_pass_ends_a_failure_that_an_older_engine_recorded_without_identity(
    releases: Releases[Deployments],
) -> None:
    release(releases, ONE)
    release(releases, TWO, passed=False)
    release(releases, replace(TWO, model_identity="tiny:2:a"))
    assert releases.list_services()[1].failed == ()


def test_a_rollback_that_fails_changes_nothing(host: MemoryHost, releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    host.broken["serve"] = DeploymentError("tiny:1 does not start")
    before = host.states["production"]
    with pytest.raises(DeploymentError, match="tiny:1 does not start"):
        releases.roll_back("production", ANN)
    assert host.states["production"] == before
    assert releases.list_rollbacks() == []


def test_rollbacks_are_listed_newest_first(releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO, THREE):
        release(releases, image)
    for _ in range(2):
        releases.roll_back("production", ANN)
    assert [rollback.image for rollback in releases.list_rollbacks()] == ["tiny:2", "tiny:3"]


def test_a_changed_setting_restarts_a_healthy_service(host: MemoryHost, releases: Releases[Deployments]) -> None:
    host.settings = {"workers": "1", "url": ""}
    release(releases, ONE)
    host.settings = {"workers": "2", "url": "file:///data", "new": "3"}
    changes = ("workers 2 (was 1)", "url file:///data (was empty)")
    assert releases.list_services()[0].changes == changes
    host.done.clear()
    for applied in (changes, ()):
        service = releases.deploy("qa", ONE, ready_seconds=1, force=False)
        assert service.changes == applied
    assert host.done == ["serve tiny:1 within 1 s", "write", "retire tiny:1"]
    assert releases.list_services()[0].changes == ()


def test_a_deployment_names_who_decided_it_and_why(releases: Releases[Deployments]) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    releases.deploy("production", TWO, ready_seconds=3.0, force=True, decision=Decision("bob", run_id="run"))
    assert releases.list_services()[1].decision == Decision("bob", run_id="run")
    releases.record_test("production", TWO.digest, passed=False)
    assert releases.list_services()[1].decision == Decision("bob", "tiny version 2 failed its test", "run")
    release(releases, THREE)
    releases.roll_back("production", ANN)
    assert releases.list_services()[1].decision == ANN


def test_a_service_that_gives_no_answer_is_left_alone_if_it_runs(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    host.done.clear()
    judged = releases.record_test("production", TWO.digest, passed=False, answered=False)
    serves = judged.serving
    assert serves is not None
    assert (judged.kind, serves.image, serves.tested, host.done) == ("unanswered", "tiny:2", "passed", [])


def test_a_service_that_gives_no_answer_has_failed_if_the_platform_says_so(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    host.unhealthy.add("production")
    serves = releases.record_test("production", TWO.digest, passed=False, answered=False).serving
    assert serves is not None
    assert serves.image == "tiny:1"


@pytest.mark.parametrize("call", ["write", "serve"])
def test_a_failure_to_restore_is_not_called_a_platform_that_could_not_be_asked(
    host: MemoryHost, releases: Releases[Deployments], call: str
) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    host.unhealthy.add("production")
    host.broken[call] = PlatformError("The image store said: 503.")
    silent = NoAnswer("answers", "an answer", "http://x does not answer.", passed=False)
    with pytest.raises(ServiceTestFailed) as raised:
        conclude_test(releases, "production", TWO.digest, "http://x", [silent])
    assert str(raised.value) == (
        "tiny version 2 failed its test in production, but the previous service could not be restored. "
        "The image store said: 503.\n  answers: expected an answer, saw http://x does not answer."
    )


def test_rotating_keys_restarts_what_serves_and_changes_nothing_else(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    for image in (ONE, TWO):
        release(releases, image)
    before = host.states["production"]
    host.done.clear()
    releases.rotate_keys("production")
    assert host.done == ["replace the keys, True", "serve tiny:2 within 7 s", "write", "retire tiny:2"]
    assert host.states["production"] == before
    host.outdated.add("production")
    releases.rotate_keys("production")
    assert "replace the keys, False" in host.done


def test_whether_a_service_accepts_the_keys_is_decided_after_a_rotation() -> None:
    class Rotating(MemoryHost):
        @contextmanager
        def lock(self, environment: str) -> Iterator[MemorySite]:
            self.outdated.clear()  # whoever held the lock has restarted the service with the new keys
            with super().lock(environment) as site:
                yield site

    assert Releases(Rotating(outdated={"qa"}), get_image).accepts_keys("qa")


def test_keys_of_a_service_that_does_not_start_with_them_are_put_back(
    host: MemoryHost, releases: Releases[Deployments]
) -> None:
    deploy(releases, "qa", ONE)
    host.broken["serve"] = DeploymentError("tiny:1 does not start")
    with pytest.raises(DeploymentError):
        releases.rotate_keys("qa")
    assert host.done[-2:] == ["put back", "put the keys back"]


def test_keys_of_a_stopped_service_are_only_replaced(host: MemoryHost, releases: Releases[Deployments]) -> None:
    releases.rotate_keys("qa")
    deploy(releases, "qa", ONE)
    releases.stop("qa")
    host.done.clear()
    releases.rotate_keys("qa")
    assert host.done == ["replace the keys, True"]
