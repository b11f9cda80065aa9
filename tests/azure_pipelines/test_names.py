"""Every notebook, parameter, variable, command, target and stage that azure-pipelines.yml names exists."""

from pathlib import Path

import pytest
from azure_pipelines.names import find_name_errors
from azure_pipelines.pipeline import PIPELINE, list_jobs, read_project_pipeline

CURRENT = "- download: current\n            artifact: "


def test_every_name_is_the_name_of_something(project: Path) -> None:
    """The file as it is."""
    assert find_name_errors((project / PIPELINE).read_text(encoding="utf-8"), project) == []


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("run build", "run built", "mlops run: Invalid value for '{build|retrain|release|all}': 'built'"),
        ("mlops run build", "mlops ran build", "there is no command 'mlops ran'"),
        ("run build --platform", "run build --platfrom", "mlops run: No such option '--platfrom'"),
        ("platform: local", "platform: locale", "there is no platform 'locale' here; there is: azure, local"),
        ("register.build_id=", "registry.build_id=", "there is no step 'registry'; did you mean 'register'?"),
        ("register.build_id=", "register.build=", "04_register.ipynb declares no 'build'; did you mean 'build_id'?"),
        ("run retrain", "run build", "mlops run build: it has no step 'register'"),
        ("run release", "run release --only test_live", "mlops run release: it has no step 'test_live'"),
        ("make lint", "make lints", "there is no make target 'lints'"),
        ("make lint", "make setup lints", "there is no make target 'lints'"),
        ("pytest tests/unit", "pytest tests/units", "there is no file 'tests/units'"),
        (".venv/bin/mlops status", ".venv/bin/mlop status", "there is no program '.venv/bin/mlop'"),
        ("make lint", "jupyter execute 02_trains.ipynb", "there is no notebook '02_trains'"),
        ("$(Build.BuildId)", "$(Build.BuildID_)", "there is no variable 'Build.BuildID_'"),
        ("$(build_page)", "$(build_pages)", "there is no variable 'build_pages'"),
        ("$(Pipeline.Workspace)/mlops\n", "$(Pipeline.Workspaces)/mlops\n", "no variable 'Pipeline.Workspaces'"),
        ('"$(MLOPS_HOME)"', '"$MLOPS_HOM"', "there is no environment variable 'MLOPS_HOM'"),
        ("  MLOPS_OUTPUTS:", "  MLOPS_OUTPUT: x\n  MLOPS_OUTPUTS:", "nothing in src/mlops reads 'MLOPS_OUTPUT'"),
        ("['Build.Reason']", "['Build.Reasons']", "condition: there is no variable 'Build.Reasons'"),
        ("dependsOn: Build", "dependsOn: Builds", "Retraining: dependsOn: there is no stage 'Builds' before it"),
        ("dependsOn: Retraining", "dependsOn: Release", "Release: dependsOn: there is no stage 'Release' before it"),
        (CURRENT + "mlops-home", CURRENT + "mlops-state", "there is no artifact 'mlops-state' published before"),
    ],
)
def test_a_wrong_name_is_found(project: Path, right: str, wrong: str, message: str) -> None:
    """Each kind of typing error, put into a copy of the file; Azure says nothing of these before the step runs."""
    text = (project / PIPELINE).read_text(encoding="utf-8")
    assert right in text
    errors = find_name_errors(text.replace(right, wrong), project)
    assert errors
    assert all(message in error for error in errors), errors


def test_only_the_retraining_has_no_limit(project: Path) -> None:
    """As the reference architecture says of long jobs; text, as every scalar of this file."""
    stages = read_project_pipeline(project)["stages"]
    limits = {job["job"]: job.get("timeoutInMinutes") for stage in stages for job in stage["jobs"]}
    assert limits == {"Test": None, "Retrain": "0", "Release": None}


def test_scripts_are_one_command_each(project: Path) -> None:
    """The agent's shell goes on after a command that failed, so only the last one's exit code counts."""
    for job in list_jobs(read_project_pipeline(project)):
        for step in job.steps:
            script = step.get("bash", "")
            assert len(script.splitlines()) <= 1, script
            assert ";" not in script, script
            assert "|" not in script, script


def test_no_script_runs_the_test_that_runs_the_scripts(project: Path) -> None:
    """Else that test would start itself for ever."""
    scripts = [step.get("bash", "") for job in list_jobs(read_project_pipeline(project)) for step in job.steps]
    assert not [script for script in scripts if "make test" in script]
    (tests,) = (script for script in scripts if "pytest" in script)
    assert 'pytest tests/unit -m "not slow" ' in tests
