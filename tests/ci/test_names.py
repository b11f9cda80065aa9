"""Every notebook, parameter, variable, command, target, stage and template that the pipelines' files name exists."""

import tomllib
from pathlib import Path

import pytest
from azure_pipelines.names import find_name_errors
from azure_pipelines.pipeline import FOLDER, PIPELINE, Spoil, find_script, list_jobs, list_pipelines
from azure_pipelines.templates import read_yaml
from packaging.specifiers import SpecifierSet

LOCAL, RELEASE, AZURE = f"{FOLDER}/local.yml", f"{FOLDER}/release.yml", f"{FOLDER}/azure.yml"
INFRASTRUCTURE, INSTALL, RESULTS = f"{FOLDER}/infrastructure.yml", f"{FOLDER}/install.yml", f"{FOLDER}/results.yml"
CURRENT = "- download: current\n            artifact: "


def test_every_name_is_the_name_of_something(scratch: Path) -> None:
    """The unchanged files."""
    assert find_name_errors(scratch) == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "message"),
    [
        (PIPELINE, "run build", "run built", "mlops run: Invalid value for '{build|"),
        (PIPELINE, "mlops run build", "mlops ran build", "there is no command 'mlops ran'"),
        (PIPELINE, "run build --platform", "run build --platfrom", "mlops run: No such option '--platfrom'"),
        (
            PIPELINE,
            "--platform local",
            "--platform locale",
            "There is no platform 'locale'. Did you mean 'local'? Choose",
        ),
        (PIPELINE, "make lint", "make lints", "there is no make target 'lints'"),
        (PIPELINE, "cov=src", "cov=src tests/units", "there is no file 'tests/units'"),
        (PIPELINE, ".venv/bin/mlops publish", ".venv/bin/mlop publish", "there is no program '.venv/bin/mlop'"),
        (PIPELINE, "make lint", "jupyter execute 02_trains.ipynb", "there is no notebook '02_trains'"),
        (PIPELINE, "$(Build.BuildId)", "$(Build.BuildID_)", "there is no variable 'Build.BuildID_'"),
        (PIPELINE, "$(build_page)", "$(build_pages)", "there is no variable 'build_pages'"),
        (PIPELINE, "$(Pipeline.Workspace)/mlops\n", "$(Pipeline.Workspaces)/m\n", "variable 'Pipeline.Workspaces'"),
        (
            PIPELINE,
            "  - name: MLOPS_OUTPUTS",
            "  - {name: MLOPS_OUT, value: x}\n  - name: MLOPS_OUTPUTS",
            "'MLOPS_OUT'",
        ),
        (PIPELINE, "['Build.Reason']", "['Build.Reasons']", "condition: there is no variable 'Build.Reasons'"),
        (PIPELINE, "['auto-trigger-training']", "['auto-trigger']", "there is no variable 'auto-trigger'"),
        (PIPELINE, "coalesce(", "colaesce(", "there is no function 'colaesce'"),
        (PIPELINE, "and(succeeded(), eq(variables['new_model']", "and(succeeded(), eq(variables['new']", "'new'"),
        (PIPELINE, "caller_run_id=", "caller_id=", "The published pipeline has no such parameter"),
        (PIPELINE, "mlops submit retrain", "mlops submit release", "mlops submit: Invalid value"),
        (PIPELINE, "dependsOn: Model_CI", "dependsOn: Build", "dependsOn: there is no stage 'Build' before it"),
        (PIPELINE, "dependsOn: Test\n", "dependsOn: Tests\n", "there is no job 'Tests' before it"),
        (PIPELINE, "- group: mlops-azure", "- group: mlops-azur", "docs/azure.md has no variable group 'mlops-azur'"),
        (
            PIPELINE,
            "- group: mlops-keyvault",
            "- group: mlops-azure",
            "variable 'applicationinsights-connection-string'",
        ),
        (PIPELINE, "azure-pipelines/install.yml", "azure-pipelines/set-up.yml", "there is no template"),
        (PIPELINE, "file: unit.xml", "files: unit.xml", "results.yml has no parameter 'files'"),
        (PIPELINE, "title: Publish\n", "", "azure.yml is not given its parameter 'title'"),
        (PIPELINE, "parameters.platform", "parameters.platforms", "there is no 'parameters.platforms'"),
        (PIPELINE, "parameters.platform, 'azure'", "parameters.platform, azure", "there is no 'azure'"),
        (LOCAL, "register.build_id=", "registry.build_id=", "there is no step 'registry'. Did you mean register.build"),
        (LOCAL, "register.build_id=", "register.build=", "has no parameter 'build'. Did you mean 'build_id'?"),
        (LOCAL, "run retrain", "run build", "mlops run build: it has no step 'register'"),
        (LOCAL, '"$(MLOPS_HOME)"', '"$MLOPS_HOM"', "there is no environment variable 'MLOPS_HOM'"),
        (LOCAL, "dependsOn: Retraining", "dependsOn: Release", "dependsOn: there is no stage 'Release' before it"),
        (LOCAL, CURRENT + "mlops-home", CURRENT + "mlops-state", "there is no artifact 'mlops-state' published"),
        (AZURE, "azureSubscription: azure-mlops", "azureSubscription: azure", "has no service connection 'azure'"),
        (AZURE, "parameters.script", "parameters.scripts", "there is no 'parameters.scripts'"),
        (INSTALL, "make setup", "make set-up", "there is no make target 'set-up'"),
        (RESULTS, "name: title", "name: titel", "results.yml has no parameter 'title'"),
        (RELEASE, "--only deploy_qa", "--only deploy_test", "mlops run release: it has no step 'deploy_test'"),
        (RELEASE, "deploy_qa.image_digest", "deploy_qa.digest", "06_deploy.ipynb has no parameter 'digest'"),
        (RELEASE, "resources.container.scoring.digest", "resources.container.score.digest", "there is no variable"),
        (RELEASE, "--model-file", "--model", "No such option '--model'"),
        (RELEASE, "download: training", "download: retraining", "there is no pipeline resource 'retraining'"),
        (RELEASE, "artifact: model\n", "artifact: models\n", "there is no artifact 'models' published before"),
        (RELEASE, "source: Model-Train-Register-CI", "source: Model-Train-CI", "has no pipeline 'Model-Train-CI'"),
        (RELEASE, "tags: [new-model]", "tags: [model]", "adds the build tag 'model'"),
        (RELEASE, "azureSubscription: azure-mlops", "azureSubscription: mlops", "has no service connection 'mlops'"),
        (RELEASE, "resourceGroup: mlops-rg", "resourceGroup: rg", "parameters/azure.yml has no resource group 'rg'"),
        (RELEASE, "      repository: ", "      repository: no-", "parameters/base.yml has no model 'no-"),
        (
            RELEASE,
            "parameters.registry }}\n      repo",
            "parameters.registri }}\n      repo",
            "no 'parameters.registri'",
        ),
        (RELEASE, "MLOPS_AZURE_CONTAINER_REGISTRY", "MLOPS_AZURE_REGISTRY", "no setting for 'MLOPS_AZURE_REGISTRY'"),
        (RELEASE, "environment: qa", "environment: test", "docs/azure.md has no environment 'test'"),
        (RELEASE, "MLOPS_AZURE_QA_SERVICE", "MLOPS_AZURE_QA_NAME", "no setting for 'MLOPS_AZURE_QA_NAME'"),
        (RELEASE, "$(ACI_DEPLOYMENT_NAME)", "$(QA_DEPLOYMENT_NAME)", "there is no variable 'QA_DEPLOYMENT_NAME'"),
        (RELEASE, "['AKS_DEPLOYMENT_NAME']", "['AKS_NAME']", "condition: there is no variable 'AKS_NAME'"),
        (INFRASTRUCTURE, "--what-if", "--whatif", "mlops provision: No such option '--whatif'"),
        (INFRASTRUCTURE, "value: --delete", "value: --remove", "mlops provision: No such option '--remove'"),
        ("docs/azure.md", "`MLOPS_AZURE_WORKSPACE`", "`MLOPS_AZURE_WS`", "no setting for 'MLOPS_AZURE_WS'"),
    ],
)
def test_a_wrong_name_is_found(spoil: Spoil, file: str, right: str, wrong: str, message: str) -> None:
    """Each kind of typing error in a copy of a file. Azure does not report these before the step runs."""
    errors = find_name_errors(spoil(file, right, wrong))
    assert errors
    assert all(message in error for error in errors), errors


def test_a_template_that_nothing_includes_is_found(spoil: Spoil) -> None:
    checkout = spoil(INSTALL, "steps:", "steps:")
    (checkout / FOLDER / "left.yml").write_text("steps: []\n")
    assert find_name_errors(checkout) == ["left.yml: no other file names it"]


def test_what_stands_between_the_stages_and_starts_them(project: Path) -> None:
    """Each environment has its own approvals, production waits for QA, an image and a new model start the release."""
    jobs = {job.name: job for _, _, pipeline in list_pipelines(project) for job in list_jobs(pipeline)}
    environments = {name: job.environment for name, job in jobs.items() if job.environment}
    assert environments == {"Deploy_ACI": "qa", "Deploy_AKS": "production", "Change": "infrastructure"}
    assert "Deploy_ACI" in jobs["Deploy_AKS"].needs
    assert "Preview" in jobs["Change"].needs
    release = read_yaml((project / RELEASE).read_text())["resources"]
    assert release["containers"][0]["trigger"] == {"enabled": "true"}  # `true` alone may never fire
    assert release["containers"][0]["registry"] == "${{ parameters.registry }}"
    assert release["pipelines"][0]["trigger"]["tags"] == ["new-model"]
    (night,) = read_yaml((project / PIPELINE).read_text())["schedules"]
    assert night["cron"] == "0 2 * * *"
    logins = [step for job in jobs.values() for step in job.steps if step.get("task") == "AzureCLI@2"]
    assert {step["inputs"]["keepAzSessionActive"] for step in logins} == {"true"}
    published = [step for job in jobs.values() for step in job.steps if step.get("task") == "PublishTestResults@2"]
    assert {step["inputs"]["testResultsFiles"] for step in published} == {"unit.xml", "notebooks.xml"}


def test_every_version_of_python_that_is_accepted_is_tested_at_night(project: Path) -> None:
    jobs = [job for _, _, pipeline in list_pipelines(project) for job in list_jobs(pipeline)]
    tested = {job.variables["python_version"] for job in jobs if job.name == "Test_All"}
    accepted = SpecifierSet(tomllib.loads((project / "pyproject.toml").read_text())["project"]["requires-python"])
    assert tested == {*accepted.filter(f"3.{minor}" for minor in range(30))}
    assert {job.variables["python_version"] for job in jobs} == tested


def test_what_may_take_hours_has_no_limit(project: Path) -> None:
    """The reference architecture sets no limit for long jobs. The value is text, like every scalar in these files."""
    limits = {job.name: job.timeout for _, _, pipeline in list_pipelines(project) for job in list_jobs(pipeline)}
    unlimited = {name for name, limit in limits.items() if limit == "0"}
    assert unlimited == {"Retrain", "Run_ML_Pipeline", "Test_All", "Change"}
    assert {limits[name] for name in limits.keys() - unlimited} == {None}


def test_scripts_are_one_command_each(project: Path) -> None:
    """The agent's shell continues after a failed command, so only the exit code of the last one counts."""
    for _, _, pipeline in list_pipelines(project):
        for job in list_jobs(pipeline):
            for script in filter(None, map(find_script, job.steps)):
                assert len(script.splitlines()) <= 1, script
                assert ";" not in script, script
                assert "|" not in script.replace("||", ""), script


def test_no_script_of_a_build_runs_the_test_that_runs_the_scripts(project: Path) -> None:
    """Otherwise that test would start itself again and again. The nightly script only collects it."""
    scripts = {
        (job.name, script)
        for _, _, pipeline in list_pipelines(project)
        for job in list_jobs(pipeline)
        for script in filter(None, map(find_script, job.steps))
    }
    assert [name for name, script in scripts if "make test" in script] == ["Test_All"]
    (tests,) = (script for _, script in scripts if "pytest" in script)
    assert 'pytest tests -m "not slow" -n 2 --dist loadfile --ignore=tests/ci ' in tests
