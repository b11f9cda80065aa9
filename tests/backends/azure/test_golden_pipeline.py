"""From parameters and settings to the SDK's objects, without a request and without relying on the SDK's defaults."""

import re
from pathlib import Path

import pytest
import yaml

from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.pipelines.run_packages import describe_packages, make_environment, name_environment
from mlops.backends.azure.pipelines.schedules import Schedules, Trigger
from mlops.backends.azure.pipelines.sdk_steps import describe_environ, make_run_configuration, make_steps
from mlops.backends.azure.pipelines.sources import SENT, stage_sources
from mlops.backends.azure.submitted.run_folder import choose_newest, read_names
from mlops.errors import UsageError
from mlops.pipelines import RETRAIN
from mlops.platform.submission import Build, Submission
from mlops.workspace import Workspace

GIVEN = (
    "--platform azure --model-name model_name=diabetes --dataset-version dataset_version=latest "
    "--data-file-path data_file_path=none --caller-run-id caller_run_id=none"
)


def read_arguments(step: object) -> str:
    """Return the command line of a step, with each parameter as its name and default."""
    words = []
    for argument in step._arguments:  # type: ignore[attr-defined]  # the SDK shows them nowhere else
        is_text = isinstance(argument, str)
        words.append(argument if is_text else f"{argument.name}={argument.default_value}")
    return " ".join(words)


def test_each_step_runs_its_notebook_after_the_one_before(project: Path) -> None:
    configuration = make_run_configuration(make_environment(project), {})
    steps = make_steps(
        "retrain",
        RETRAIN,
        sources=project,
        compute="cpu-cluster",
        configuration=configuration,
        defaults=Submission(model_name="diabetes"),
        build=Build("42", "https://build/42"),
    )
    names = [step.name for step in RETRAIN]
    assert [step.name for step in steps] == names
    for step in steps:
        build = "--build-id 42 --build-uri https://build/42"
        assert read_arguments(step) == f"retrain {step.name} {GIVEN} {build}"
        assert (step._compute_target, step._allow_reuse) == (("cpu-cluster", "AmlCompute"), False)
        assert (step._script_name, step._source_directory) == ("src/run_step.py", str(project))
        assert step._runconfig is configuration
    waits = [[before.name for before in step.run_after_steps] for step in steps]
    assert waits == [[], *([name] for name in names[:-1])]


def test_a_build_without_an_address_sends_none(project: Path) -> None:
    (step,) = make_steps(
        "retrain",
        RETRAIN[:1],
        sources=project,
        compute="c",
        configuration=make_run_configuration(make_environment(project), {}),
        defaults=Submission(model_name="other"),
        build=Build("42"),
    )
    assert read_arguments(step).endswith("--build-id 42")
    assert "model_name=other" in read_arguments(step)


def test_the_environment_has_exactly_the_pins_of_the_lock(project: Path) -> None:
    environment = make_environment(project)
    lock = (project / "requirements.lock").read_text()
    dependencies = environment.python.conda_dependencies
    pins = list(dependencies.pip_packages)
    assert {"papermill", "azureml-core", "scikit-learn", "adlfs"} <= {pin.split("==")[0] for pin in pins}
    assert len(pins) == len(describe_packages(project)["dependencies"][-1]["pip"]) > 200
    assert [pin for pin in pins if f"\n{pin.split(';')[0].strip()}" not in f"\n{lock}"] == []
    assert (
        next(iter(dependencies.conda_packages))
        == yaml.safe_load((project / "environment.yml").read_text())["dependencies"][0]
    )
    assert not environment.python.user_managed_dependencies


def test_another_lock_is_another_environment(project: Path, tmp_path: Path) -> None:
    assert re.fullmatch("notebook-mlops-[0-9a-f]{12}", name_environment(project))
    (tmp_path / "requirements.lock").write_text("numpy==1.0\n")
    assert name_environment(tmp_path) != name_environment(project)


def test_settings_from_the_environment_hold_on_the_compute_and_no_secret_goes_there(project: Path) -> None:
    environ = {
        "MLOPS_AZURE_WORKSPACE": "ws",
        "MLOPS_AZURE_LOCATION": "",
        "AZURE_CLIENT_SECRET": "s",
        "MLOPS_SECRET_A": "s",
    }
    variables = describe_environ("abc-dirty", environ)
    assert variables == {"MLOPS_AZURE_WORKSPACE": "ws", "MLOPS_GIT_COMMIT": "abc-dirty"}
    configuration = make_run_configuration(make_environment(project), variables)
    assert configuration.environment_variables == variables
    assert configuration.environment.name == name_environment(project)


def test_what_is_sent_is_what_is_named(project: Path, tmp_path: Path) -> None:
    for name in SENT:
        if (project / name).is_dir():
            (tmp_path / name / "__pycache__").mkdir(parents=True)
            (tmp_path / name / "__pycache__" / "x.pyc").touch()
            (tmp_path / name / ".env").write_text("SECRET=1")
            (tmp_path / name / "kept.py").touch()
        else:
            (tmp_path / name).touch()
    (tmp_path / "key.pem").touch()
    (tmp_path / "outputs").mkdir()
    with pytest.raises(UsageError, match=r"src/run_step.py is missing"), stage_sources(tmp_path):
        pass
    (tmp_path / "src" / "run_step.py").touch()
    with stage_sources(tmp_path) as folder:
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    kept = [name if (project / name).is_file() else f"{name}/kept.py" for name in SENT]
    assert names == sorted([*kept, "src/run_step.py"])
    assert not folder.exists()


def list_triggers(workspace: Workspace) -> list[Trigger]:
    return Schedules(AzureSession(read_settings(workspace), workspace)).list_wanted("e")


def test_the_settings_say_what_starts_the_pipeline(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Trigger("diabetes-retraining-recurrence", "e", frequency="Day")
    data = Trigger("diabetes-retraining-new-data", "e", path="incoming", minutes=60)
    assert list_triggers(workspace) == [clock, data]
    monkeypatch.setenv("MLOPS_AZURE_RECURRENCE", "none")
    monkeypatch.setenv("MLOPS_AZURE_DATA_TRIGGER_MINUTES", "5")
    assert list_triggers(workspace) == [Trigger(data.name, "e", path="incoming", minutes=5)]


def test_the_newest_of_a_runs_files_counts_and_none_of_a_step_that_was_cut_off() -> None:
    names = [
        "retraining/01-test_data/01_test_data.ipynb",
        "retraining/01-test_data/run.json",
        "retraining/02-train/02_train.ipynb",  # the run's record was not stored any more
        "retraining/10-train/sub/plot.png",
        "retraining/10-train/run.json",
        "outputs/run.json",
        "user_logs/std_log.txt",
    ]
    chosen = {file.name: file.artifact for file in choose_newest(read_names(names))}
    assert chosen == {
        "01_test_data.ipynb": "retraining/01-test_data/01_test_data.ipynb",
        "run.json": "retraining/10-train/run.json",
        "sub/plot.png": "retraining/10-train/sub/plot.png",
    }
