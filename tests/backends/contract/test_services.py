"""The contract of services, over every platform: `mlops.platform.services.Services`."""

from pathlib import Path

import pytest
import requests
from tiny_model import BROKEN, HANGING, ask, deploy, publish, release

from mlops.errors import DeploymentError, DeploymentNotFoundError, RolledBackError
from mlops.platform.backend import Backend
from mlops.platform.services import Decision, Permissions


def test_a_service_answers_only_with_a_key(backend: Backend, tmp_path: Path) -> None:
    service = deploy(backend, "qa", publish(backend, tmp_path, 4.5))
    assert ask(backend, service) == 4.5
    assert requests.post(f"{service.url}/score", json={"data": [[1.0]]}, timeout=60).status_code == 401


def test_a_healthy_service_is_left_alone_unless_forced(backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    deploy(backend, "qa", image)
    (first,) = backend.services.list_services()
    deploy(backend, "qa", image)
    assert backend.services.list_services() == [first]
    forced = deploy(backend, "qa", image, force=True)
    assert (forced.url, ask(backend, forced)) == (first.url, 1.0)


def test_production_takes_only_what_passed_in_qa(backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    with pytest.raises(DeploymentError, match="has not passed its test in qa"):
        deploy(backend, "production", image)
    deploy(backend, "qa", image)
    backend.services.record_test("qa", image.digest, passed=False)
    with pytest.raises(DeploymentError, match="has not passed its test in qa"):
        deploy(backend, "production", image)
    backend.services.record_test("qa", image.digest, passed=True)
    assert ask(backend, deploy(backend, "production", image)) == 1.0


def find_production(backend: Backend) -> tuple[str, int, str]:
    """Return what production serves: image, model version, health."""
    (found,) = [service for service in backend.services.list_services() if service.environment == "production"]
    return found.image, found.model_version, found.health


def test_a_failed_test_in_production_puts_the_previous_one_back(backend: Backend, tmp_path: Path) -> None:
    release(backend, publish(backend, tmp_path, 1.0))
    before = backend.services.list_services()[1]
    release(backend, publish(backend, tmp_path, 2.0), passed=False)
    assert find_production(backend) == ("tiny:1", 1, "healthy")
    assert ask(backend, before) == 1.0  # at the same address


def test_a_failed_first_release_leaves_production_stopped(backend: Backend, tmp_path: Path) -> None:
    release(backend, publish(backend, tmp_path), passed=False)
    assert find_production(backend) == ("tiny:1", 1, "stopped")


def test_roll_back_serves_what_passed_before(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(DeploymentNotFoundError, match="nothing to roll back to"):
        backend.services.roll_back("production")
    for number in (1.0, 2.0):
        release(backend, publish(backend, tmp_path, number))
    assert backend.services.roll_back("production", Decision("ann", "too slow", "run")).restored == "tiny:1"
    assert find_production(backend) == ("tiny:1", 1, "healthy")
    (rollback,) = backend.services.list_rollbacks()
    assert (rollback.environment, rollback.image, rollback.decision.by) == ("production", "tiny:2", "ann")


@pytest.mark.rule
def test_a_version_that_was_rolled_back_is_not_deployed_again_unless_asked(backend: Backend, tmp_path: Path) -> None:
    first, second = (publish(backend, tmp_path, number) for number in (1.0, 2.0))
    for image in (first, second):
        release(backend, image)
    backend.services.roll_back("production")
    with pytest.raises(RolledBackError, match="tiny version 2 was rolled back to tiny version 1 in production on"):
        deploy(backend, "production", second)
    assert find_production(backend) == ("tiny:1", 1, "healthy")
    deploy(backend, "production", second, allowed=Permissions(redeploy=True))
    backend.services.record_test("production", second.digest, passed=True)
    assert ask(backend, deploy(backend, "production", second)) == 2.0


def test_another_model_takes_an_environment_over_only_if_asked(backend: Backend, tmp_path: Path) -> None:
    assert backend.services.find_owner("qa") == ""
    deploy(backend, "qa", publish(backend, tmp_path, 1.0))
    other = publish(backend, tmp_path, 2.0, name="other")
    with pytest.raises(DeploymentError, match="qa serves the model tiny, and this run would deploy the model other"):
        deploy(backend, "qa", other)
    service = deploy(backend, "qa", other, allowed=Permissions(take_over=True))
    assert (service.model, ask(backend, service)) == ("other version 1", 2.0)
    assert backend.services.find_owner("qa") == "other"


@pytest.mark.rule
def test_a_second_roll_back_goes_further_back(backend: Backend, tmp_path: Path) -> None:
    for number in (1.0, 2.0, 3.0):
        release(backend, publish(backend, tmp_path, number))
    assert backend.services.roll_back("production").restored == "tiny:2"
    assert backend.services.roll_back("production").restored == "tiny:1"
    with pytest.raises(DeploymentNotFoundError, match="nothing to roll back to"):
        backend.services.roll_back("production")


def test_an_image_that_does_not_start_changes_nothing(backend: Backend, tmp_path: Path) -> None:
    serving = deploy(backend, "qa", publish(backend, tmp_path, 1.0))
    broken = publish(backend, tmp_path, 2.0, BROKEN)
    with pytest.raises(DeploymentError, match=r"(?s)tiny:2.*no such table"):
        deploy(backend, "qa", broken)
    assert ask(backend, serving) == 1.0


def test_an_image_that_hangs_is_ended(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="was not ready within 1 s"):
        deploy(backend, "qa", publish(backend, tmp_path, script=HANGING), seconds=1)
    assert backend.services.list_services() == []


def test_stop_says_whether_a_service_ran(backend: Backend, tmp_path: Path) -> None:
    assert not backend.services.stop("qa")
    url = deploy(backend, "qa", publish(backend, tmp_path)).url
    keys = {"Authorization": f"Bearer {backend.secrets.get_keys('qa')[0]}"}
    assert backend.services.stop("qa")
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{url}/score", json={"data": [[1.0]]}, headers=keys, timeout=60)
