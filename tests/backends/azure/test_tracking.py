"""Trainings on Azure: the content of a run, superseded runs, and the parents of runs on compute."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.azure.azure import Azure
from doubles.azure.names import API, GROUP, SUBSCRIPTION, WORKSPACE
from doubles.azure.routing import make_error
from recorded_trainings import list_trainings
from tiny_model import PICTURE, make_files, track

from mlops.backends import open_backend
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.errors import PlatformError, TrainingNotFoundError
from mlops.platform.backend import Backend
from mlops.platform.trainings import SweepState
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
EXPERIMENT = "diabetes-retraining"
TRAIN = """
import sys
from pathlib import Path
from recorded_trainings import list_trainings
from tiny_model import track
from mlops.backends import open_backend
from mlops.workspace import Workspace
backend = open_backend("azure", Workspace(*map(Path, sys.argv[1:4])))
run = track(backend, Path(sys.argv[4]), run="run 1")
assert list_trainings(backend) == [run.run_id]
print(run.run_id)
"""


@pytest.fixture
def backend(azure: Azure, workspace: Workspace) -> Backend:
    """The platform before the double."""
    return open_backend("azure", workspace)


def test_a_run_holds_all_of_a_training(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "predictions.png").write_bytes(PICTURE)
    training = backend.tracker.log_training(
        parameters={"alpha": 0.4, "seed": 0},
        metrics={"mse": 2.5},
        tags={"git_commit": "abc"},
        files=make_files(tmp_path, 1.0),
        plots=plots,
    )
    run = azure.history.runs[training.run_id]
    assert run["status"] == "Completed"
    assert run["experimentId"] == azure.history.experiments[EXPERIMENT]["experimentId"]
    assert run["tags"] == {"mlops": "training", "parameter.alpha": "0.4", "parameter.seed": "0", "git_commit": "abc"}
    assert run["properties"]["files"] == f'{{"model.json":"{training.files["model.json"]}"}}'
    names = azure.artifacts.paths["ExperimentRun", f"dcid.{training.run_id}"]
    assert names[:2] == ["outputs/model/model.json", "outputs/plots/predictions.png"]
    assert azure.blobs.read(f"ExperimentRun/dcid.{training.run_id}/{names[2]}") == PICTURE
    metrics = azure.history.metrics[training.run_id]
    assert metrics["predictions"]["properties"]["uxMetricType"] == "azureml.v2.image"
    assert metrics["predictions"]["value"][0]["data"]["predictions"].endswith(names[2])


def test_metrics_are_read_back_by_the_sdk(backend: Backend, workspace: Workspace, tmp_path: Path) -> None:
    from azureml.core import Run

    run = track(backend, tmp_path)
    read = Run.get(AzureSession(read_settings(workspace), workspace).workspace, run.run_id)
    assert read.get_metrics() == {"mse": 2.5, "r2": 0.5}


def test_many_files_have_more_hashes_than_a_property_holds(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    files = tmp_path / "many"
    (files / "deep" / "er").mkdir(parents=True)
    for number in range(60):
        (files / "deep" / "er" / f"part {number}.json").write_text(str(number))
    run = backend.tracker.log_training(parameters={}, metrics={}, tags={}, files=files)
    properties = azure.history.runs[run.run_id]["properties"]
    assert {"files", "files.1", "files.5"} <= properties.keys()
    version = backend.registry.register("tiny", run, {})
    assert version.files == run.files
    fetched = backend.registry.fetch_model(version, tmp_path / "fetched")
    assert (fetched / "deep" / "er" / "part 7.json").read_text() == "7"


def test_what_an_earlier_attempt_left_is_set_aside(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    done = track(backend, tmp_path, run="run 1").run_id
    killed = azure.history.add_run(EXPERIMENT, "killed", status="Running", startTimeUtc="2026-11-22T09:00:00Z")
    killed["tags"] = dict(azure.history.runs[done]["tags"])
    again = track(backend, tmp_path, run="run 1").run_id
    states = {name: (run["status"], run["tags"]["mlops"]) for name, run in azure.history.runs.items()}
    assert states == {
        done: ("Completed", "superseded"),
        "killed": ("Canceled", "superseded"),
        again: ("Completed", "training"),
    }
    assert list_trainings(backend) == [again]


def test_a_training_that_cannot_be_logged_to_its_end_is_none(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    azure.fail_next("POST", "artifacts/batch/metadata", make_error(403, "Forbidden", "no right to write"))
    with pytest.raises(PlatformError, match="Could not log the training. Azure said: .*AzureML Data Scientist"):
        track(backend, tmp_path)
    (left,) = azure.history.runs.values()
    assert (left["status"], left["error"]["error"]["message"]) == ("Failed", "the training was not logged completely")
    assert list_trainings(backend) == []
    again = track(backend, tmp_path)
    assert list_trainings(backend) == [again.run_id]


@pytest.mark.parametrize(
    ("state", "status"), [("succeeded", "Completed"), ("failed", "Failed"), ("interrupted", "Canceled")]
)
def test_a_sweep_is_a_parent_with_its_best_and_how_it_ended(
    azure: Azure, backend: Backend, tmp_path: Path, state: SweepState, status: str
) -> None:
    sweep = backend.tracker.start_sweep("a sweep", {"alpha": [0.1, 1.0]})
    child = track(backend, tmp_path, sweep=sweep).run_id
    backend.tracker.end_sweep(sweep, state=state, parameters={"alpha": 0.1}, metrics={"mse": 2.5})
    run = azure.history.runs[sweep]
    assert azure.history.runs[child]["parentRunId"] == sweep
    assert (run["displayName"], run["description"], run["status"]) == ("a sweep", "alpha=[0.1, 1.0]", status)
    assert run["tags"] == {"mlops": "sweep", "parameter.alpha": "0.1"}
    assert azure.history.metrics[sweep]["mse"]["value"][0]["data"] == {"mse": 2.5}
    assert list_trainings(backend) == [child]


def test_files_that_are_gone_are_said_to_be(azure: Azure, backend: Backend, tmp_path: Path) -> None:
    run = track(backend, tmp_path)
    azure.artifacts.paths.clear()
    with pytest.raises(
        TrainingNotFoundError, match=f"files of training run {run.run_id} no longer exist on Azure. Run 02"
    ):
        backend.tracker.fetch_files(run, tmp_path / "fetched")
    assert not backend.tracker.has_files(run)


def test_on_compute_a_training_is_a_child_of_its_step(azure: Azure, workspace: Workspace, tmp_path: Path) -> None:
    """Run in a separate process, like a step, because the SDK never forgets the run of its process."""
    azure.history.add_run(EXPERIMENT, "step", status="Running", startTimeUtc="2026-11-22T09:00:00Z")
    environ = {
        "AZUREML_RUN_ID": "step",
        "AZUREML_RUN_TOKEN": azure.entra.issue("https://ml.azure.com"),
        "AZUREML_ARM_SUBSCRIPTION": SUBSCRIPTION,
        "AZUREML_ARM_RESOURCEGROUP": GROUP,
        "AZUREML_ARM_WORKSPACE_NAME": WORKSPACE,
        "AZUREML_ARM_PROJECT_NAME": EXPERIMENT,
        "AZUREML_EXPERIMENT_ID": azure.history.experiments[EXPERIMENT]["experimentId"],
        "AZUREML_WORKSPACE_ID": "33333333-3333-3333-3333-333333333333",
        "AZUREML_SERVICE_ENDPOINT": f"https://{API}",
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"https://{API}/discovery",
        "PYTHONPATH": f"{Path(__file__).parents[2] / 'support'}:{os.environ['PYTHONPATH']}",
    }
    folders = [str(path) for path in (workspace.project, workspace.home, workspace.outputs, tmp_path)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAIN, *folders],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = azure.history.runs[done.stdout.splitlines()[-1]]
    assert (run["parentRunId"], run["status"]) == ("step", "Completed")
    assert azure.history.runs["step"]["status"] == "Running"
    (sent,) = azure.find_requests("PATCH", f"runs/{run['runId']}$")[:1]
    assert sent.headers["Authorization"] == f"Bearer {environ['AZUREML_RUN_TOKEN']}"
