"""Azure that is busy, unreachable, or refuses access: limited retries, a clear error, no incomplete state.

The SDK retries each request three times, and urllib3 below it retries, too. Requests that only read wait as long as
Retry-After says. Requests that change something ignore Retry-After, because the SDK relies on an option that urllib3
no longer has. They wait 32, 64 and 128 s after 429. After 503 they wait 2 to 10 s, then twice and four times as long.
The environment of the double shortens these pauses to 1, 2 and 4 s with the SDK's own settings.
"""

import time
from pathlib import Path

import pytest
from doubles.azure.azure import Azure
from doubles.azure.names import ACCOUNT, WORKSPACE_ID
from doubles.azure.routing import Response, make_error
from recorded_trainings import list_trainings
from tiny_model import TAGS, register, track

from mlops.backends import open_backend
from mlops.errors import MlopsError, PlatformError
from mlops.platform.backend import Backend
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
DROPS = 16  # the SDK tries a request without an answer four times, and urllib3 sends it four times for each try
REGISTERING = [("POST", "/models$"), ("POST", "/assets$"), ("GET", "/models$"), ("GET", "prefix/contentinfo")]


@pytest.fixture
def backend(azure: Azure, workspace: Workspace) -> Backend:
    """The platform before the double."""
    return open_backend("azure", workspace)


def make_busy(status: int) -> Response:
    """Return the answer of a busy service that allows an immediate retry."""
    return Response(status, make_error(status, "TooManyRequests", "Rate limit exceeded.").body, {"Retry-After": "0"})


@pytest.mark.parametrize(("method", "pattern"), REGISTERING)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_registry_is_asked_again(
    azure: Azure, backend: Backend, tmp_path: Path, status: int, method: str, pattern: str
) -> None:
    run = track(backend, tmp_path)
    azure.fail_next(method, pattern, make_busy(status), times=2)
    asked = len(azure.find_requests(method, pattern))
    version = backend.registry.register("tiny", run, TAGS)
    assert len(azure.find_requests(method, pattern)) >= asked + 3
    assert (version.version, version.tags, list(azure.models.models)) == (1, TAGS, ["tiny:1"])


@pytest.mark.parametrize(("method", "pattern"), REGISTERING)
def test_a_dropped_connection_is_tried_again(
    azure: Azure, backend: Backend, tmp_path: Path, method: str, pattern: str
) -> None:
    run = track(backend, tmp_path)
    azure.fail_next(method, pattern, None, times=2)
    assert backend.registry.register("tiny", run, TAGS).tags == TAGS
    assert list(azure.models.models) == ["tiny:1"]


@pytest.mark.parametrize("response", [make_busy(429), make_busy(503), None])
def test_a_promotion_gets_through(azure: Azure, backend: Backend, tmp_path: Path, response: Response | None) -> None:
    register(backend, tmp_path)
    azure.fail_next("PATCH", "/models/tiny:1$", response, times=2)
    assert backend.registry.promote("tiny", 1, expected="").champion


@pytest.mark.parametrize(
    ("method", "pattern"),
    [("PATCH", "/runs/"), ("POST", "/events$"), ("POST", "/batch$"), ("POST", "batch/metadata"), ("POST", ":query$")],
)
@pytest.mark.parametrize("response", [make_busy(503), None])
def test_a_training_gets_through(
    azure: Azure, backend: Backend, tmp_path: Path, response: Response | None, method: str, pattern: str
) -> None:
    azure.fail_next(method, pattern, response)
    run = track(backend, tmp_path, run="run 1")
    assert list_trainings(backend) == [run.run_id]
    assert azure.history.metrics[run.run_id]["mse"]["value"][0]["data"] == {"mse": 2.5}
    assert backend.tracker.has_files(run)


def test_busy_storage_is_waited_for_by_the_lock(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path)
    busy = Response(503, b"<Error><Code>ServerBusy</Code></Error>", {"x-ms-error-code": "ServerBusy"})
    azure.fail_next("PUT", f"{ACCOUNT}.*locks/models/tiny", busy, times=2)
    assert backend.registry.register("tiny", run, TAGS).version == 1


def test_a_registry_that_stays_busy_is_an_error_and_the_next_try_succeeds(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    """When the registry fails, the files of the version are registered, but the version is not."""
    run = track(backend, tmp_path)
    azure.fail_next("POST", "/models$", make_busy(503), times=4)
    with pytest.raises(
        PlatformError,
        match=r"Could not register the model 'tiny'\. Azure said: .*Rate limit exceeded\. Azure stayed busy",
    ):
        backend.registry.register("tiny", run, TAGS)
    assert len(azure.find_requests("POST", "/models$")) == 4  # one request, and three retries
    assert (len(azure.models.assets), azure.models.models) == (1, {})
    assert backend.registry.find_champion("tiny") is None
    version = backend.registry.register("tiny", run, TAGS, expected="")
    assert (version.version, version.tags, list(azure.models.models)) == (1, TAGS, ["tiny:1"])


def test_a_training_that_stays_refused_is_none_and_the_next_try_succeeds(
    azure: Azure, backend: Backend, tmp_path: Path
) -> None:
    azure.fail_next("POST", "batch/metadata", None, times=DROPS)
    with pytest.raises(
        PlatformError, match=r"Could not log the training: Azure did not answer \(.*\)\. Check the network"
    ):
        track(backend, tmp_path, run="run 1")
    run = track(backend, tmp_path, run="run 1")
    assert list_trainings(backend) == [run.run_id]


def test_a_token_that_is_refused_is_replaced_for_the_next_try(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path)
    refused = make_error(401, "InvalidAuthenticationToken", "The access token is invalid or has expired.")
    azure.fail_next("POST", "/models$", refused)
    with pytest.raises(PlatformError, match=r"The access token is invalid or has expired\. Run `az login`"):
        backend.registry.register("tiny", run, TAGS)
    assert backend.registry.register("tiny", run, TAGS).version == 1
    first, second = azure.find_requests("POST", "/models$")
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_a_token_is_replaced_before_it_expires(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    azure.entra.seconds = 2
    run = track(backend, tmp_path)
    time.sleep(2)
    issued = len(azure.entra.issued)
    backend.registry.register("tiny", run, TAGS)
    (sent,) = azure.find_requests("POST", "/models$")
    assert sent.headers["Authorization"].removeprefix("Bearer ") in azure.entra.issued[issued:]


def test_who_may_not_write_is_told_which_roles_it_takes(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path)
    said = "The client does not have authorization to perform action 'workspaces/models/write'."
    azure.fail_next("POST", "/models$", make_error(403, "AuthorizationFailed", said))
    with pytest.raises(PlatformError, match="workspaces/models/write.*the roles AzureML Data Scientist"):
        backend.registry.register("tiny", run, TAGS)
    azure.fail_next(
        "PUT", "locks/models/tiny", Response(403, b"", {"x-ms-error-code": "AuthorizationPermissionMismatch"})
    )
    with pytest.raises(PlatformError, match="Storage Blob Data Contributor"):
        backend.registry.register("tiny", run, TAGS)


def test_a_wrong_subscription_is_named(azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "00000000-0000-0000-0000-00000000beef"
    monkeypatch.setenv("MLOPS_AZURE_SUBSCRIPTION_ID", other)
    with pytest.raises(MlopsError, match=other):
        open_backend("azure", workspace).registry.find_champion("tiny")


def test_a_workspace_that_does_not_let_us_in_says_so(azure: Azure, backend: Backend) -> None:
    said = (
        "The client does not have authorization to perform action 'Microsoft.MachineLearningServices/workspaces/read'"
    )
    azure.fail_next("GET", WORKSPACE_ID, make_error(403, "AuthorizationFailed", said), times=9)
    with pytest.raises(MlopsError, match="does not have authorization"):
        backend.registry.find_champion("tiny")
