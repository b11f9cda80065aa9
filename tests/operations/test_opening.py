"""A project, opened on a platform."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import CommandLine
from opened import open_here
from progression import Diabetes
from sandbox import SANDBOX

from mlops.errors import ParameterError, ProblemError, UsageError
from mlops.operations.opening import open_project
from mlops.operations.running import resume_run
from mlops.operations.status import read_status
from mlops.parameters.overrides import Override
from mlops.parameters.project import Project
from mlops.record.ledger import RunRecord, RunSettings, StepRecord, StepState
from mlops.record.processes import NO_PROCESS
from mlops.workspace import Workspace


def test_what_is_given_is_merged_and_can_be_replaced(workspace: Workspace) -> None:
    opened = open_here(workspace, "train.alpha=0.1", "shared.model_name=other")
    assert (opened.model_name, opened.parameters.values["train"]["alpha"]) == ("other", 0.1)
    assert (opened.parameters.platform, opened.backend.name) == ("local", "local")
    forced = opened.override(*opened.overrides, Override("deploy", "force", True, "--force"))
    assert forced.parameters.values["deploy_qa"]["force"] is True
    assert forced.parameters.values["train"]["alpha"] == 0.1
    assert (forced.project, forced.backend) == (opened.project, opened.backend)
    assert not workspace.home.exists()


def test_a_mistake_is_found_before_the_platform_is_opened(workspace: Workspace) -> None:
    project = Project.load(workspace)
    with pytest.raises(ParameterError, match=r"^the caller is 'yes', but it must be true or false\.$"):
        open_project(project, [Override("deploy", "force", "yes", "the caller")], "moon")
    with pytest.raises(UsageError, match="There is no platform 'moon'"):
        open_project(project, platform="moon")


def test_a_run_is_resumed_on_its_own_model(workspace: Workspace) -> None:
    """Its summary and the champion that its steps watch are those of the model that the run was started for."""
    first = open_here(workspace, "shared.model_name=other")
    record = RunRecord("run", "all", "local", "lost", "", "", NO_PROCESS, ())
    begun = replace(record, settings=RunSettings(first.parameters))
    opened = open_here(workspace)
    assert (opened.model_name, opened.reopen(begun).model_name, opened.reopen(record)) == ("diabetes", "other", opened)
    older = replace(first.parameters, shared={})
    assert opened.reopen(replace(record, settings=RunSettings(older))).model_name == "diabetes"


@pytest.mark.parametrize(
    "command",
    [
        ("run", "retrain"),
        ("run", "retrain", "--only", "train"),
        ("sweep", "train", "-p", "alpha=1,2"),
        ("publish",),
        ("submit", "retrain"),
        ("provision",),
    ],
    ids=" ".join,
)
def test_a_parameter_that_nothing_uses_ends_the_command_before_anything_runs(
    mlops: CommandLine, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Diabetes, "train", lambda self, rows: None)
    done = mlops.invoke(*command)
    assert done.returncode == 2
    assert "02_train.ipynb sets 'alpha', but neither a cell nor the training of 'diabetes' uses it." in done.stderr
    assert not mlops.workspace.outputs.exists()
    assert not mlops.workspace.home.exists()


@pytest.mark.parametrize(
    "command",
    [
        ("run", "build"),
        ("run", "retrain"),
        ("run", "release"),
        ("run", "build", "--only", "test_data"),
        ("sweep", "train", "-p", "alpha=1,2"),
        ("submit", "retrain"),
        ("provision",),
    ],
    ids=" ".join,
)
def test_a_broken_declaration_ends_the_command_before_anything_runs(
    mlops: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    project = Path(shutil.copytree(SANDBOX, tmp_path / "broken", symlinks=True))
    base, package = project / "parameters" / "base.yml", project / "src" / "broken_one"
    base.write_text(re.sub("^problem: .*$", "problem: broken_one", base.read_text(), flags=re.MULTILINE))
    package.mkdir()
    (package / "__init__.py").write_text("import math\nproblem = (\n")
    monkeypatch.syspath_prepend(project / "src")
    done = replace(mlops, workspace=replace(mlops.workspace, project=project)).invoke(*command)
    assert done.returncode == 2
    said = f"Could not import the problem 'broken_one'. {package}/__init__.py, line 2: '(' was never closed. Correct "
    assert said in done.stderr
    assert not mlops.workspace.outputs.exists()
    assert not mlops.workspace.home.exists()


@pytest.mark.parametrize("state", ["pending", "done"])
def test_a_hyperparameter_that_is_not_set_ends_a_resumed_run_unless_the_model_is_trained(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, state: StepState
) -> None:
    monkeypatch.setattr(Diabetes, "train", lambda self, rows, *, depth: None)
    opened = open_here(workspace)
    steps = (StepRecord("train", "02_train", state=state), StepRecord("evaluate", "03_evaluate", state="failed"))
    record = RunRecord("first", "retrain", "local", "failed", "", "", NO_PROCESS, steps)
    with pytest.raises(UsageError) as raised:
        resume_run(opened, record)
    if state == "done":
        assert str(raised.value) == "Run first is a retrain, which cannot be resumed. Start it again."
        return
    notebook = workspace.notebooks / "02_train.ipynb"
    assert str(raised.value) == (
        f"The problem 'diabetes' has the hyperparameter 'depth', but {notebook} does not set it. Add a line for it to "
        "the cell tagged `parameters`."
    )


def test_a_run_of_another_problem_is_not_resumed(workspace: Workspace) -> None:
    opened = open_here(workspace)
    settings = RunSettings(opened.parameters, problem="churn")
    record = RunRecord("first", "retrain", "local", "failed", "", "", NO_PROCESS, (), settings=settings)
    with pytest.raises(UsageError) as raised:
        resume_run(opened, record)
    assert str(raised.value) == (
        "Run first was made for the problem 'churn', but parameters/base.yml sets the problem 'progression'. Set "
        "`problem: churn` there to resume the run, or start a new one."
    )


@pytest.mark.parametrize("command", [("run", "retrain"), ("sweep", "train", "-p", "alpha=1,2")])
def test_a_hyperparameter_named_like_a_result_ends_the_command_before_anything_runs(
    mlops: CommandLine, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Diabetes, "train", lambda self, rows, *, alpha, files: None)
    done = mlops.invoke(*command)
    assert done.returncode == 2
    assert "The problem 'diabetes' has the hyperparameter 'files', but " in done.stderr
    assert not mlops.workspace.outputs.exists()


def test_a_broken_problem_stops_only_what_needs_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Diabetes:
        raise ProblemError(f"Could not import the problem {name!r}. Invalid syntax.")

    monkeypatch.setattr("mlops.parameters.layers.load", fail)
    monkeypatch.setattr("mlops.operations.opening.load", fail)
    opened = open_here(workspace)
    assert opened.backend.services.list_services() == []
    with pytest.raises(ProblemError, match="^Could not import the problem 'progression'"):
        _ = opened.model_name
    status = read_status(opened)
    assert status.problems == ("Could not import the problem 'progression'. Invalid syntax.",)
