"""Submitted runs: started with REST, really executed from the uploaded sources, and seen from outside."""

import json
import tempfile
import time
from pathlib import Path

import pytest
from doubles.azure.azure import Azure
from doubles.azure.names import ACCOUNT
from doubles.azure.routing import Response, make_error
from progression import problem

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.datasets import AzureDatasets
from mlops.backends.azure.pipelines.pipelines import AzurePipelines
from mlops.errors import ParameterError, PipelineNotFoundError, PlatformError, RunNotFoundError, StepNotFoundError
from mlops.pipelines import RETRAIN
from mlops.platform.datasets import LATEST
from mlops.platform.pipelines import SubmittedRun
from mlops.platform.submission import Submission
from mlops.record.ledger import read_run
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
SUBMIT = "PipelineEndpointSubmit"
STEPS = [step.name for step in RETRAIN]
BUSY = {"Retry-After": "0"}
EXPIRED = make_error(401, "Unauthorized", "token expired")


@pytest.fixture
def pipelines(azure: Azure, workspace: Workspace) -> AzurePipelines:
    """The pipelines of a workspace with data, in which build 42 is published."""
    return publish_build(workspace)


@pytest.fixture
def idle(azure: Azure, lean: Workspace) -> AzurePipelines:
    """The same pipelines in a workspace without nodes: runs are submitted, but nothing is executed."""
    azure.pipelines.has_nodes = False
    return publish_build(lean)


def publish_build(workspace: Workspace) -> AzurePipelines:
    """Register the sample and publish build 42."""
    session = AzureSession(read_settings(workspace), workspace)
    workspace.home.mkdir(parents=True)
    problem.load_sample().to_csv(workspace.home / "diabetes.csv", index=False)
    datasets = AzureDatasets(session)
    datasets.register(datasets.stage(workspace.home / "diabetes.csv"))
    opened = AzurePipelines(session)
    opened.publish("42", "https://build/42")
    return opened


def finish(azure: Azure, pipelines: AzurePipelines, submission: Submission) -> SubmittedRun:
    """Submit a run and wait for its end."""
    return run_to_end(azure, pipelines, pipelines.submit(submission).run_id)


def run_to_end(azure: Azure, pipelines: AzurePipelines, run_id: str) -> SubmittedRun:
    """Wait for the end of a run."""
    azure.pipelines.wait(run_id)
    return pipelines.get_run(run_id)


def test_a_better_model_is_promoted_and_the_next_one_is_rejected_which_is_no_failure(
    azure: Azure, pipelines: AzurePipelines, workspace: Workspace
) -> None:
    """All notebooks of both runs are executed, each step in a separate process, as on a separate node."""
    started = pipelines.submit(Submission(caller_run_id="7"))  # does not wait for the run
    assert (started.state, started.version, started.outcome) == ("running", "42", "")
    azure.pipelines.wait(started.run_id)
    promoted = pipelines.get_run(started.run_id)
    assert (promoted.state, promoted.outcome) == ("succeeded", "promoted"), azure.logs.read(f"{started.run_id}-0")
    assert [(step.name, step.state, step.reason) for step in promoted.steps] == [
        (name, "succeeded", "") for name in STEPS
    ]
    said = {"BuildId": "42", "BuildUri": "https://build/42", "caller_run_id": "7"}
    assert promoted.tags.items() >= said.items()
    assert (promoted.model_name, promoted.model_version) == ("diabetes", 1)
    assert promoted.reason == "There is no champion yet, so the first model is promoted."
    _check_what_a_run_leaves(azure, pipelines, promoted, workspace.outputs)

    rejected = finish(azure, pipelines, Submission())
    assert (rejected.state, rejected.outcome) == ("succeeded", "rejected")
    states = {step.name: step.state for step in rejected.steps}
    assert states == {name: "skipped" if name in ("register", "create_image") else "succeeded" for name in STEPS}
    register, image = (rejected.steps[STEPS.index(name)] for name in ("register", "create_image"))
    assert register.reason == rejected.reason
    assert register.reason.startswith("The challenger and the champion are equal")
    assert image.reason == "register was skipped"
    assert "register has nothing to do: The challenger and the champion are equal" in pipelines.read_log(
        rejected.run_id, "register"
    )
    assert rejected.model_version == 0
    record = read_run(pipelines.fetch_run(rejected.run_id, workspace.outputs / rejected.run_id))
    assert (record.state, record.outcome) == ("succeeded", "rejected")
    assert {run.run_id for run in pipelines.list_runs(5)} == {promoted.run_id, rejected.run_id}
    assert len(pipelines.list_runs(1)) == 1


def _check_what_a_run_leaves(azure: Azure, pipelines: AzurePipelines, run: SubmittedRun, outputs: Path) -> None:
    folder = pipelines.fetch_run(run.run_id, outputs / run.run_id)
    record = read_run(folder)
    assert (record.run_id, record.platform, record.state, record.outcome) == (
        run.run_id,
        "azure",
        "succeeded",
        "promoted",
    )
    data = record.steps[0].results["data_path"]
    assert (
        data
        == f"abfs://{azure.blobs.container}@{data.split('@')[1].split('.')[0]}.dfs.core.windows.net/data/diabetes.csv"
    )
    for step in record.steps:
        executed = json.loads((folder / f"{step.notebook}.ipynb").read_text())
        assert all(cell["execution_count"] for cell in executed["cells"] if cell["cell_type"] == "code"), step.name
        assert "<html" in (folder / step.report).read_text()
        assert f"✓ {step.name}" in pipelines.read_log(run.run_id, step.name)
    metrics = azure.history.metrics
    mse = {"mse": record.steps[1].results["mse"]}
    assert (
        metrics[f"{run.run_id}-1"]["mse"]["value"][0]["data"] == metrics[run.run_id]["mse"]["value"][0]["data"] == mse
    )
    assert metrics[f"{run.run_id}-0"]["rows"]["value"][0]["data"] == {"rows": 442.0}


def test_a_file_that_breaks_the_rules_ends_the_run_red_with_its_report(
    azure: Azure, pipelines: AzurePipelines, workspace: Workspace
) -> None:
    bad = problem.load_sample()
    bad["BMI"] += 20
    azure.blobs.write("given/bad.csv", bad.to_csv(index=False).encode())
    url = f"abfs://{azure.blobs.container}@{ACCOUNT}.dfs.core.windows.net/given/bad.csv"
    run = finish(azure, pipelines, Submission(data_file_path=url))
    assert (run.state, run.outcome) == ("failed", "error")
    assert [(step.name, step.state) for step in run.steps] == [("test_data", "failed")]
    assert run.reason.startswith("test_data: DataTestFailed")
    folder = pipelines.fetch_run(run.run_id, workspace.outputs / run.run_id)
    assert read_run(folder).state == "failed"
    assert (folder / "01_test_data.html").is_file()
    assert "DataTestFailed" in pipelines.read_log(run.run_id, "test_data")


def test_new_data_is_tested_trained_on_and_becomes_the_newest_version_and_bad_data_does_not(
    azure: Azure, pipelines: AzurePipelines, workspace: Workspace
) -> None:
    """A file arrives in the watched folder, and the schedule starts a run."""
    (watch,) = [found for found in azure.pipelines.active_schedules if found["DataStoreTriggerInfo"]]
    folder = watch["DataStoreTriggerInfo"]["PathOnDataStore"]
    datasets = AzureDatasets(AzureSession(read_settings(workspace), workspace))
    rows = problem.load_sample()

    bad = rows.assign(BMI=rows["BMI"] + 20)
    azure.blobs.write(f"{folder}/november.csv", bad.to_csv(index=False).encode())
    refused = run_to_end(azure, pipelines, azure.pipelines.fire(watch))
    assert (refused.state, refused.outcome) == ("failed", "error")
    assert refused.reason.startswith("test_data: DataTestFailed")
    assert datasets.get_version(LATEST).version == 1

    azure.blobs.write(f"{folder}/november.csv", rows.head(400).to_csv(index=False).encode())
    promoted = run_to_end(azure, pipelines, azure.pipelines.fire(watch))
    assert (promoted.state, promoted.outcome, promoted.tags["dataset"]) == ("succeeded", "promoted", "diabetes:2")
    newest = datasets.get_version(LATEST)
    assert newest.version == 2
    record = read_run(pipelines.fetch_run(promoted.run_id, workspace.outputs / promoted.run_id))
    assert (record.steps[0].results["rows"], record.steps[1].results["data_path"]) == (400, newest.url)


def is_a_step_running(run_id: str) -> bool:
    """Return whether the record on a node of the double says that a step of a run is running."""
    records = Path(tempfile.gettempdir()).glob(f"azure-node-*/outputs/{run_id}/run.json")
    return any(step.state == "running" for file in records for step in read_run(file.parent).steps)


def test_a_cancel_ends_the_step_and_the_record_says_so(
    azure: Azure, pipelines: AzurePipelines, workspace: Workspace
) -> None:
    run = pipelines.submit(Submission())
    while not azure.find_requests("PATCH", run.run_id):
        time.sleep(0.1)  # the step has tagged the run
    while not is_a_step_running(run.run_id):
        time.sleep(0.1)
    pipelines.cancel(run.run_id)
    azure.pipelines.wait(run.run_id)
    canceled = pipelines.get_run(run.run_id)
    assert (canceled.state, [step.state for step in canceled.steps]) == ("canceled", ["canceled"])
    record = read_run(pipelines.fetch_run(run.run_id, workspace.outputs / run.run_id))
    assert (record.state, record.steps[0].error) == ("interrupted", "interrupted")
    assert pipelines.cancel(run.run_id) == canceled


def test_a_schedule_starts_the_version_that_the_endpoint_has_then(azure: Azure, idle: AzurePipelines) -> None:
    idle.publish("43", "")
    schedules = azure.pipelines.active_schedules
    # One for the schedule, one for new data.
    assert [bool(schedule["Recurrence"]) for schedule in schedules] == [True, False]
    for schedule in schedules:
        run_id = azure.pipelines.fire(schedule)
        started = azure.history.runs[run_id]["properties"]["azureml.pipelineid"]
        assert azure.pipelines.published[started]["Version"] == "43"
        assert idle.get_run(run_id).state == "queued"


def test_what_is_sent_is_what_any_rest_client_would_send(azure: Azure, idle: AzurePipelines) -> None:
    given = {"data_file_path": "abfs://c@a.dfs.core.windows.net/x.csv", "model_name": "other"}
    run = idle.submit(Submission(**given))
    (sent,) = azure.find_requests("POST", SUBMIT)
    assert sent.headers["Authorization"].removeprefix("Bearer ") in azure.entra.issued
    body = sent.json
    tags = body.pop("tags")
    assert body == {
        "ExperimentName": "diabetes-retraining",
        "RunSource": "SDK",
        "ParameterAssignments": given,
    }
    assert tags["BuildId"] == "42"
    assert (run.state, run.tags) == ("queued", tags)
    with pytest.raises(
        StepNotFoundError, match=f"Run {run.run_id} has not started the step 'train'. Started so far: none"
    ):
        idle.read_log(run.run_id, "train")
    with pytest.raises(
        RunNotFoundError, match=r"\(queued\) has not stored any files. Wait for its first step: https://"
    ):
        idle.fetch_run(run.run_id, Path("nowhere"))
    assert idle.cancel(run.run_id).state == "canceled"


@pytest.mark.parametrize("answer", [Response(429, None, BUSY), Response(503, None, BUSY), None])
def test_a_service_that_is_busy_is_asked_again_and_one_run_starts(
    azure: Azure, idle: AzurePipelines, answer: Response | None
) -> None:
    azure.fail_next("POST", SUBMIT, answer, times=2)
    run = idle.submit(Submission())
    assert list(azure.pipelines.executions) == [run.run_id]


def test_a_run_whose_answer_was_lost_is_not_started_twice(azure: Azure, idle: AzurePipelines) -> None:
    azure.pipelines.answer_is_lost = True
    run = idle.submit(Submission())
    assert list(azure.pipelines.executions) == [run.run_id]
    assert len(azure.find_requests("POST", SUBMIT)) == 1


def test_a_token_that_has_expired_is_replaced(azure: Azure, idle: AzurePipelines) -> None:
    azure.fail_next("POST", SUBMIT, EXPIRED)
    run = idle.submit(Submission())
    tokens = [sent.headers["Authorization"] for sent in azure.find_requests("POST", SUBMIT)]
    assert len(set(tokens)) == len(tokens) == 2
    assert list(azure.pipelines.executions) == [run.run_id]


def test_who_may_not_submit_is_told_what_to_do(azure: Azure, idle: AzurePipelines) -> None:
    azure.fail_next("POST", SUBMIT, EXPIRED, times=2)
    with pytest.raises(
        PlatformError, match="Could not submit diabetes-retraining. Azure said: .*token expired. Run `az login`"
    ):
        idle.submit(Submission())
    assert azure.pipelines.executions == {}


def test_what_cannot_be_submitted_is_refused_before_anything_is_sent(azure: Azure, workspace: Workspace) -> None:
    pipelines = AzurePipelines(AzureSession(read_settings(workspace), workspace))
    with pytest.raises(ParameterError, match="data_file_path=new.csv: The compute cannot read a file on .*version=new"):
        pipelines.submit(Submission(data_file_path="new.csv"))
    assert azure.requests == []
    with pytest.raises(PipelineNotFoundError, match="published in the workspace. Run `mlops publish --platform azure`"):
        pipelines.submit(Submission())
    with pytest.raises(RunNotFoundError, match="There is no run nothing of diabetes-retraining in the workspace"):
        pipelines.get_run("nothing")
