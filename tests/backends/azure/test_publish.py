"""Publication: the requests, and exactly one version and one schedule of each kind, whatever happens."""

from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest
from doubles.azure.azure import Azure
from doubles.azure.routing import Response, make_error

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.pipelines.pipelines import AzurePipelines
from mlops.backends.azure.pipelines.publication import Publication
from mlops.backends.azure.pipelines.run_packages import name_environment
from mlops.errors import ComputeNotFoundError, PlatformError
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
BUSY = {"Retry-After": "0"}
PUBLISH = r"Pipelines/Create$"


@pytest.fixture
def pipelines(azure: Azure, lean: Workspace) -> AzurePipelines:
    """The pipelines of a workspace in which nothing is published."""
    return open_pipelines(lean)


def open_pipelines(workspace: Workspace) -> AzurePipelines:
    """Open the pipelines as a new process would."""
    return AzurePipelines(AzureSession(read_settings(workspace), workspace))


def read_state(azure: Azure) -> tuple[list[str], list[str], list[str]]:
    """Return the active versions, those that the endpoints start, and the active schedules."""
    found = azure.pipelines
    started = [found.published[found.find_default(endpoint)]["Version"] for endpoint in found.endpoints.values()]
    versions = sorted(pipeline["Version"] for pipeline in found.active)
    return versions, started, sorted(schedule["Name"] for schedule in found.active_schedules)


SCHEDULES = ["diabetes-retraining-new-data", "diabetes-retraining-recurrence"]


def test_what_is_published_is_the_retraining_of_these_sources(azure: Azure, workspace: Workspace) -> None:
    """The whole project is sent. The other tests publish as little as possible."""
    pipelines = open_pipelines(workspace)
    published = pipelines.publish("42", "https://build/42")
    (version,) = azure.pipelines.active
    (endpoint,) = azure.pipelines.endpoints.values()
    assert (published.name, published.version, published.pipeline_id, published.url) == (
        "diabetes-retraining",
        "42",
        version["Id"],
        endpoint["Url"],
    )
    assert (version["Description"], version["TotalRunSteps"]) == ("https://build/42", 5)
    assert pipelines.find_published() == published
    (sent,) = azure.find_requests("POST", PUBLISH)
    parameters = {found["Name"]: found["DefaultValue"] for found in sent.json["GraphInterface"]["Parameters"]}
    assert parameters == {
        "model_name": "diabetes",
        "dataset_version": "latest",
        "data_file_path": "none",
        "caller_run_id": "none",
    }
    assert len(sent.json["Graph"]["Edges"]) == 4  # one after the other
    (snapshot,) = azure.snapshots.files.values()
    assert {name.split("/")[0] for name in snapshot} == {
        *("notebooks", "parameters", "src", "environment.yml", "pyproject.toml", "requirements.lock")
    }
    assert list(azure.environments.versions) == [name_environment(workspace.project)]


def test_the_schedules_start_the_endpoint(azure: Azure, pipelines: AzurePipelines) -> None:
    pipelines.publish("42", "")
    (endpoint,) = azure.pipelines.endpoints
    by_name = {schedule["Name"]: schedule for schedule in azure.pipelines.active_schedules}
    clock, data = by_name["diabetes-retraining-recurrence"], by_name["diabetes-retraining-new-data"]
    start = datetime.fromisoformat(clock["Recurrence"].pop("StartTime")).replace(tzinfo=UTC)
    assert clock["Recurrence"] == {"Frequency": "Day", "Interval": 1, "TimeZone": "UTC"}
    assert timedelta(hours=23) < start - datetime.now(UTC) <= timedelta(hours=24)
    assert azure.pipelines.executions == {}  # setting up starts no retraining
    trigger = {"DataStoreName": "workspaceblobstore", "PathOnDataStore": "incoming", "PollingInterval": 60}
    assert data["DataStoreTriggerInfo"] == trigger
    assert {schedule["PipelineEndpointId"] for schedule in (clock, data)} == {endpoint}
    given = [schedule["PipelineSubmissionInfo"].get("ParameterAssignments") for schedule in (clock, data)]
    assert given == [{}, {"dataset_version": "new"}]
    assert clock["PipelineSubmissionInfo"]["ExperimentName"] == "diabetes-retraining"


def test_a_schedule_that_azure_fails_to_set_up_is_reported_and_made_anew_by_the_next(
    azure: Azure, pipelines: AzurePipelines, lean: Workspace
) -> None:
    azure.pipelines.failing = 1
    with pytest.raises(
        PlatformError, match=r"could not set up the schedule diabetes-retraining-recurrence and gave no reason"
    ):
        pipelines.publish("42", "")
    assert "diabetes-retraining-recurrence" not in read_state(azure)[2]
    open_pipelines(lean).publish("42", "")
    assert read_state(azure) == (["42"], ["42"], SCHEDULES)


def test_a_schedule_that_failed_later_is_made_anew(azure: Azure, pipelines: AzurePipelines, lean: Workspace) -> None:
    """The failed schedule is still listed as active, but starts nothing."""
    pipelines.publish("42", "")
    (failed,) = [one for one in azure.pipelines.active_schedules if one["Recurrence"]]
    failed["ProvisioningStatus"] = "2"
    open_pipelines(lean).publish("42", "")
    assert read_state(azure) == (["42"], ["42"], SCHEDULES)
    assert failed["Id"] not in [one["Id"] for one in azure.pipelines.active_schedules]


def test_the_same_build_again_changes_nothing(azure: Azure, pipelines: AzurePipelines) -> None:
    first = pipelines.publish("42", "https://build/42")
    sent = len(azure.find_requests("POST", "/pipelines/")) + len(azure.find_requests("PUT", ""))
    assert pipelines.publish("42", "https://build/42") == first
    assert len(azure.find_requests("POST", "/pipelines/")) + len(azure.find_requests("PUT", "")) == sent


def test_another_build_is_another_version_that_the_same_address_starts(
    azure: Azure, pipelines: AzurePipelines, lean: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pipelines.publish("42", "")
    monkeypatch.setenv("MLOPS_AZURE_RECURRENCE", "week")
    monkeypatch.setenv("MLOPS_AZURE_DATA_TRIGGER_MINUTES", "5")
    second = open_pipelines(lean).publish("43", "")
    assert (second.version, second.url) == ("43", first.url)
    assert read_state(azure) == (["42", "43"], ["43"], SCHEDULES)
    (clock,) = [found for found in azure.pipelines.active_schedules if found["Recurrence"]]
    assert clock["Recurrence"]["Frequency"] == "Week"
    assert len(azure.environments.versions) == 1  # the lock is the same
    assert pipelines.publish("42", "").version == "42"  # back to the one before
    assert read_state(azure)[1] == ["42"]


@pytest.mark.parametrize(
    ("place", "undone"),
    [
        ("environment/v1.0", "register the environment notebook-mlops-"),
        ("getblob$", "publish diabetes-retraining"),
        ("/Modules$", "publish diabetes-retraining"),
        (PUBLISH, "publish diabetes-retraining"),
        ("PipelineEndpoints/Create$", "publish diabetes-retraining"),
        ("Schedules/Create$", "schedule diabetes-retraining"),
    ],
)
def test_a_publication_that_died_is_finished_by_the_next(
    azure: Azure, pipelines: AzurePipelines, lean: Workspace, place: str, undone: str
) -> None:
    method = "PUT" if "environment" in place else "POST"
    azure.fail_next(method, place, make_error(400, "UserError", "the double ends it here"), times=20)
    with pytest.raises(PlatformError, match=f"^Could not {undone}.*the double ends it here"):
        pipelines.publish("42", "")
    azure.fail_next(method, place, None, times=0)
    for fault in azure._faults:
        fault.times = 0
    open_pipelines(lean).publish("42", "")
    assert read_state(azure) == (["42"], ["42"], SCHEDULES)


@pytest.mark.parametrize("answer", [Response(429, None, BUSY), Response(503, None, BUSY), None])
@pytest.mark.parametrize("place", [PUBLISH, "PipelineEndpoints/Create$"])
def test_a_service_that_is_busy_is_asked_again(
    azure: Azure, pipelines: AzurePipelines, answer: Response | None, place: str
) -> None:
    azure.fail_next("POST", place, answer, times=2)
    pipelines.publish("42", "")
    assert read_state(azure) == (["42"], ["42"], SCHEDULES)


def test_a_service_that_stays_busy_is_given_up(azure: Azure, pipelines: AzurePipelines) -> None:
    azure.fail_next("POST", PUBLISH, Response(503, {"error": {"code": "ServerBusy"}}, BUSY), times=99)
    with pytest.raises(
        PlatformError, match="Could not publish diabetes-retraining. Azure said: ServerBusy. Azure stayed busy"
    ):
        pipelines.publish("42", "")
    assert len(azure.find_requests("POST", PUBLISH)) == 4


def publish_anew(workspace: Workspace) -> None:
    """Run in a separate process, because the SDK changes the working directory of its process."""
    open_pipelines(workspace).publish("42", "")


def test_those_who_publish_a_build_at_once_make_one_version(azure: Azure, lean: Workspace) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(publish_anew, [lean] * 3))
    versions, started, schedules = read_state(azure)
    assert (versions, started, schedules) == (["42"], ["42"], SCHEDULES)


def test_a_version_that_another_process_has_just_added_is_started(
    azure: Azure, pipelines: AzurePipelines, lean: Workspace
) -> None:
    pipelines.publish("41", "")
    before = deepcopy(next(iter(azure.pipelines.endpoints.values())))
    pipelines.publish("42", "")
    azure.fail_next("GET", "PipelineEndpoints/Name", Response(body=before))
    open_pipelines(lean).publish("42", "")
    assert read_state(azure) == (["41", "42"], ["42"], SCHEDULES)


def test_other_settings_change_the_schedules_without_another_publication(
    azure: Azure, pipelines: AzurePipelines, lean: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    Publication(AzureSession(read_settings(lean), lean)).update()  # nothing is published, so nothing starts
    assert azure.pipelines.schedules == {}
    pipelines.publish("42", "")
    monkeypatch.setenv("MLOPS_AZURE_RECURRENCE", "none")
    Publication(AzureSession(read_settings(lean), lean)).update()
    assert read_state(azure) == (["42"], ["42"], ["diabetes-retraining-new-data"])


def test_a_compute_that_is_missing_is_named_before_anything_is_sent(azure: Azure, pipelines: AzurePipelines) -> None:
    azure.computes.missing.add("cpu-cluster")
    with pytest.raises(ComputeNotFoundError, match=r"no compute 'cpu-cluster' \(azure.compute_name in .* provision"):
        pipelines.publish("42", "")
    assert azure.find_requests("POST", "/pipelines/") == azure.find_requests("PUT", "environment") == []


def test_an_environment_whose_name_is_taken_is_not_used(
    azure: Azure, pipelines: AzurePipelines, lean: Workspace
) -> None:
    pipelines.publish("42", "")
    name = name_environment(lean.project)
    taken = azure.environments.versions[name][-1]["python"]["condaDependencies"]["dependencies"]
    taken[-1]["pip"].append("something==6.6.6")
    with pytest.raises(
        PlatformError,
        match=f"{name} in the workspace does not have the same packages as requirements.lock.*publish --platform "
        "azure` again",
    ):
        open_pipelines(lean).publish("43", "")
    assert read_state(azure)[0] == ["42"]


def test_who_may_not_publish_is_told_what_to_do(azure: Azure, pipelines: AzurePipelines) -> None:
    azure.fail_next("GET", r"pipelines/v1.0", make_error(403, "Forbidden", "no role"), times=99)
    with pytest.raises(
        PlatformError,
        match="Could not publish diabetes-retraining. Azure said: Forbidden: no role. This identity needs the roles",
    ):
        pipelines.publish("42", "")
