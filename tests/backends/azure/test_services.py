"""Services: the deployed image, the service during an update, and the state after a failure."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from doubles.azure.azure import Azure
from doubles.azure.routing import make_error
from tiny_model import BROKEN, HANGING, ask, deploy, publish, release

from mlops.backends import open_backend
from mlops.backends.azure.connection.lock import Lease
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.services import logs
from mlops.backends.azure.services.state import AzureDeployment, AzureState, StateBlob
from mlops.backends.azure.services.web_services import submit_service, wait_healthy
from mlops.errors import (
    ConflictError,
    DeploymentError,
    DeploymentNotFoundError,
    LostLockError,
    PlatformError,
    UsageError,
)
from mlops.platform.backend import Backend
from mlops.platform.images import Image
from mlops.platform.services import Service
from mlops.release.choice import choose_image
from mlops.release.service_checks import run_checks
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
SERVICES = "/services$"


@pytest.fixture
def backend(azure: Azure, workspace: Workspace) -> Backend:
    """The platform."""
    return open_backend("azure", workspace)


def find(backend: Backend, environment: str) -> Service | None:
    """Return what an environment serves."""
    return {service.environment: service for service in backend.services.list_services()}.get(environment)


def test_a_release_is_deployed_by_digest_and_passes_the_test_of_services(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    """The checks of 07_test_service through the front of Azure's server, in both environments."""
    image = publish(backend, tmp_path, 4.5)
    production = release(backend, image)
    qa = find(backend, "qa")
    assert qa is not None
    assert production.url.endswith("/api/v1/service/diabetes-production")
    for service in (qa, production):
        key, second = backend.secrets.get_keys(service.environment)
        checks = run_checks(service.url, key, [[1.0], [2.0]], [4.5, 4.5])
        # The rows of this model have one number, so a row without it is empty.
        assert [check.name for check in checks if not check.passed] == []
        assert {key, second} <= set(backend.secrets.list_values())
    sent = [request.json for request in azure.find_requests("POST", SERVICES)]
    for body, kind in zip(sent, ("ACI", "AKS"), strict=True):
        environment = body["environmentImageRequest"]["environment"]
        assert (body["computeType"], body["authEnabled"], body["appInsightsEnabled"]) == (kind, True, True)
        assert environment["docker"]["baseImage"] == image.url
        assert environment["python"]["userManagedDependencies"] is True
        assert body["environmentImageRequest"]["modelIds"] == ["tiny:1"]
        assert (body["kvTags"]["digest"], body["kvTags"]["model_version"]) == (image.digest, "1")
    assert sent[1]["computeName"] == "aks"
    assert sent[1]["dataCollection"]["storageEnabled"] is True


def test_the_log_of_a_service_is_read_and_followed(
    azure: Azure, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "POLL_SECONDS", 0.1)
    assert backend.logs
    with pytest.raises(DeploymentNotFoundError, match="There is no web service diabetes-qa, so there is no log"):
        backend.logs.read_log("qa", 5)
    service = deploy(backend, "qa", publish(backend, tmp_path))
    assert (len(backend.logs.read_log("qa", 3)), backend.logs.read_log("qa", 0)) == (3, [])
    assert ask(backend, service) == 1.0
    followed = backend.logs.follow_log("qa", 100)
    assert next(line for line in followed if "/score" in line)
    assert ask(backend, service) == 1.0
    assert next(line for line in followed if "/score" in line)


def test_a_service_that_is_there_is_updated_in_place_and_keeps_address_and_keys(
    azure: Azure, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    first = release(backend, publish(backend, tmp_path, 1.0))
    keys = backend.secrets.get_keys("production")
    monkeypatch.setenv("MLOPS_AZURE_PRODUCTION_MAX_REPLICAS", "20")
    other = open_backend("azure", workspace)
    second = release(other, publish(other, tmp_path, 2.0))
    assert (second.url, other.secrets.get_keys("production"), ask(other, second)) == (first.url, keys, 2.0)
    assert len(azure.find_requests("POST", SERVICES)) == 2
    changes = {change["path"]: change["value"] for change in _read_patch(azure, "diabetes-production")}
    assert changes["/autoScaler/maxReplicas"] == 20
    assert changes["/kvTags"]["image"] == "tiny:2"


def _read_patch(azure: Azure, name: str) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = azure.find_requests("PATCH", f"/services/{name}$")[-1].json
    return changes


def test_production_serves_while_the_next_one_starts_and_when_that_fails(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    serving = release(backend, publish(backend, tmp_path, 1.0))
    azure.web_services.deadline = 18.0
    hanging = publish(backend, tmp_path, 2.0, HANGING)
    _pass_in_qa(backend, hanging)
    answers = []
    with ThreadPoolExecutor(1) as pool:
        deploying = pool.submit(deploy, backend, "production", hanging, seconds=3)
        while not deploying.done():
            answers.append(ask(backend, serving))
            time.sleep(0.2)
    with pytest.raises(DeploymentError, match="was not ready within 3 s"):
        deploying.result()
    assert set(answers) == {1.0}
    now = find(backend, "production")
    assert now is not None
    assert (now.image, now.health, ask(backend, now)) == ("tiny:1", "healthy", 1.0)


def _open_session(backend: Backend) -> AzureSession:
    session: AzureSession = backend.services._session  # type: ignore[attr-defined]
    return session


def _pass_in_qa(backend: Backend, image: Image) -> None:
    """Record that an image passed in QA, although it could not even start there."""
    blob = StateBlob(_open_session(backend), "qa")
    state = blob.read()
    blob.write(AzureState(state.current, state.history, (*state.passed, image.digest)))


def test_a_first_deployment_that_fails_says_why_and_is_deleted_and_a_second_try_succeeds(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    broken = publish(backend, tmp_path, 1.0, BROKEN)
    with pytest.raises(DeploymentError) as raised:
        deploy(backend, "qa", broken)
    assert "The web service diabetes-qa does not serve the image tiny:1" in str(raised.value)
    assert "CrashLoopBackOff" in str(raised.value)
    assert "RuntimeError: no such table" in str(raised.value)
    assert azure.web_services.services == {}
    assert backend.services.list_services() == []
    assert ask(backend, deploy(backend, "qa", publish(backend, tmp_path, 2.0))) == 2.0


def test_an_image_that_the_registry_does_not_have_cannot_be_pulled(
    azure: Azure, backend: Backend, workspace: Workspace, tmp_path: Path
) -> None:
    publish(backend, tmp_path)
    digest = "sha256:" + "0" * 64
    unknown = Image("tiny:1", digest, f"mlopsregistry.azurecr.io/tiny@{digest}", "tiny", 1)
    session = AzureSession(read_settings(workspace), workspace)
    service = submit_service(session, "qa", unknown, tmp_path / "bundle-1.0", None)
    with pytest.raises(DeploymentError, match=f"Failed to pull image {unknown.url}: manifest unknown"):
        wait_healthy(session, service, unknown, 10)


def test_a_deployment_that_was_cut_off_is_done_again(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    """The service was already running, but the process died before it could record that."""
    image = publish(backend, tmp_path, 3.0)
    azure.fail_next("PUT", "mlops/services/qa.json", make_error(403, "AuthorizationFailure", "no"))
    with pytest.raises(PlatformError):
        deploy(backend, "qa", image)
    assert find(backend, "qa") is None
    assert ask(backend, deploy(backend, "qa", image)) == 3.0


def test_a_deployment_waits_for_one_that_still_runs(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    """The process that began the change died, and Azure accepts no new change until that one ends."""
    image = publish(backend, tmp_path, 1.0)
    deploy(backend, "qa", image)
    azure.web_services.deadline = 4.0
    session = _open_session(backend)
    hanging = publish(backend, tmp_path, 2.0, HANGING)
    from mlops.backends.azure.services.web_services import find_service

    submit_service(session, "qa", hanging, tmp_path / "bundle-2.0", find_service(session, "qa"))
    status = find(backend, "qa")
    assert status is not None
    assert status.health == "unhealthy"
    assert ask(backend, deploy(backend, "qa", image)) == 1.0


def test_a_name_that_somebody_else_has_is_not_taken_from_them(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    deploy(backend, "qa", image)
    azure.web_services.services["diabetes-qa"].asked["kvTags"] = {"owner": "another team"}
    with pytest.raises(
        DeploymentError, match=r"'diabetes-qa' for qa is already used .* azure\.qa_service .* another name"
    ):
        deploy(backend, "qa", image, force=True)
    assert backend.services.stop("qa") is False
    assert "diabetes-qa" in azure.web_services.services


class LostLease:
    """A lease that has expired."""

    def check(self) -> None:
        raise LostLockError("the lock was lost")


def test_who_has_lost_the_lock_writes_nothing(azure: Azure, workspace: Workspace) -> None:
    session = AzureSession(read_settings(workspace), workspace)
    with pytest.raises(LostLockError):
        StateBlob(session, "qa", cast(Lease, LostLease())).write(AzureState(passed=("sha256:1",)))
    assert StateBlob(session, "qa").read() == AzureState()


def test_a_service_that_gets_another_name_is_not_forgotten(
    azure: Azure, backend: Backend, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is found by its tag, and serves until the new one does."""
    image = publish(backend, tmp_path)
    deploy(backend, "qa", image)
    monkeypatch.setenv("MLOPS_AZURE_QA_SERVICE", "other-qa")
    renamed = open_backend("azure", workspace)
    assert [service.health for service in renamed.services.list_services()] == ["healthy"]
    assert renamed.secrets.get_keys("qa") == backend.secrets.get_keys("qa")
    azure.web_services.quota = 1  # there is no room for another one
    with pytest.raises(PlatformError, match="quota exceeded"):
        deploy(renamed, "qa", image)
    assert list(azure.web_services.services) == ["diabetes-qa"]
    azure.web_services.quota = 2
    deploy(renamed, "qa", image)
    assert list(azure.web_services.services) == ["other-qa"]
    monkeypatch.delenv("MLOPS_AZURE_QA_SERVICE")
    assert open_backend("azure", workspace).services.stop("qa") is True
    assert azure.web_services.services == {}


def test_an_exhausted_quota_is_said_and_leaves_nothing(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path, 2.0)
    azure.web_services.quota = 0
    with pytest.raises(PlatformError, match=r"deploy tiny:1 as diabetes-qa on Container Instances\. .*quota exceeded"):
        deploy(backend, "qa", image)
    assert azure.web_services.services == {}
    azure.web_services.quota = 1
    assert ask(backend, deploy(backend, "qa", image)) == 2.0


def test_a_cluster_that_is_not_there_is_named(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path)
    _pass_in_qa(backend, image)
    azure.web_services.clusters.clear()
    with pytest.raises(PlatformError, match=r"Kubernetes cluster 'aks'\. .*Compute with name aks not found"):
        deploy(backend, "production", image)
    assert azure.web_services.services == {}


@pytest.mark.parametrize("deployed", [0, 1], ids=["first", "update"])
def test_a_deployment_reads_its_image_and_its_services_once(
    azure: Azure, backend: Backend, workspace: Workspace, tmp_path: Path, deployed: int
) -> None:
    """Deploy by digest in a separate process, as 06_deploy does."""
    for number in range(deployed):
        deploy(backend, "qa", publish(backend, tmp_path, number))
    image = publish(backend, tmp_path, 2.0)
    another = open_backend("azure", workspace)
    before = len(azure.requests)
    deploy(another, "qa", choose_image(another, "tiny", image.digest))
    answered = [exchange.request for exchange in azure.requests[before:] if exchange.status < 300]
    read = [request.path for request in answered if request.method == "GET"]
    for what in ("mlops/images/", "/_?manifests/", SERVICES):  # the registry first answers 401 to every client
        assert len([path for path in read if re.search(what, path)]) == 1, what


def test_what_the_sdk_refuses_is_said_before_anything_is_sent(
    azure: Azure, backend: Backend, tmp_path: Path, workspace: Workspace
) -> None:
    image = publish(backend, tmp_path)
    settings = read_settings(workspace)
    object.__setattr__(settings, "qa_cpu_cores", 0)
    services = type(backend.services)(AzureSession(settings, workspace), backend.images, backend.collections)  # type: ignore[call-arg]
    sent = len(azure.requests)
    with pytest.raises(UsageError, match=r"azure\.qa_cpu_cores in parameters/azure\.yml is 0"):
        services.deploy("qa", image, ready_seconds=30, force=False)
    assert len(azure.requests) == sent


def test_another_size_makes_the_container_group_anew(
    azure: Azure, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    deploy(backend, "qa", publish(backend, tmp_path, 1.0))
    monkeypatch.setenv("MLOPS_AZURE_QA_CPU_CORES", "2.0")
    other = open_backend("azure", workspace)
    assert ask(other, deploy(other, "qa", publish(other, tmp_path, 2.0))) == 2.0
    first, second = [request.json for request in azure.find_requests("POST", SERVICES)]
    assert (first.get("overwrite"), second["overwrite"]) == (None, True)
    assert second["containerResourceRequirements"]["cpu"] == 2.0


def test_stopping_remembers_what_passed_and_what_served(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path, 5.0)
    release(backend, image)
    for environment in ("qa", "production"):
        assert backend.services.stop(environment)
        assert not backend.services.stop(environment)
    assert azure.web_services.services == {}
    assert [(service.image, service.health) for service in backend.services.list_services()] == [
        ("tiny:1", "stopped"),
        ("tiny:1", "stopped"),
    ]
    again = deploy(backend, "production", image)
    assert (again.tested, again.example, ask(backend, again)) == ("passed", '{"data": [[1.0]]}', 5.0)


def test_a_busy_azure_is_asked_again(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    image = publish(backend, tmp_path, 1.0)
    busy = make_error(500, "InternalServerError", "try again")
    azure.fail_next("POST", SERVICES, busy)
    azure.fail_next("GET", "/operations/", None)
    azure.fail_next("GET", "/services/diabetes-qa$", None)
    assert ask(backend, deploy(backend, "qa", image)) == 1.0


def test_two_machines_do_not_overwrite_what_the_other_has_written(
    azure: Azure, backend: Backend, workspace: Workspace
) -> None:
    blobs = [StateBlob(_open_session(backend), "qa") for _ in range(2)]
    states = [blob.read() for blob in blobs]
    deployment = AzureDeployment("sha256:1", "tiny:1", 1, "2026-11-24T00:00:00Z", url="http://there")
    blobs[0].write(states[0].serve(deployment))
    with pytest.raises(ConflictError, match=r"changed the blob mlops/services/qa\.json in the meantime"):
        blobs[1].write(states[1].serve(deployment))
    state = blobs[1].read()
    blobs[1].write(state.judge(passed=True, at="2026-11-24T00:00:01Z"))
    with pytest.raises(ConflictError):
        blobs[0].write(states[0])
    assert blobs[0].read().passed == ("sha256:1",)


def test_damaged_state_is_named(azure: Azure, backend: Backend) -> None:
    azure.blobs.write("mlops/services/qa.json", b"\x00garbage")
    (service,) = backend.services.list_services()
    assert service.health == "unreadable"
    assert "mlops/services/qa.json is damaged" in service.problem
