"""Every script of the pipelines' files, run for real, in order, each job on its own machine."""

import json
import os
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_pipelines.agent import Agent, copy_repository
from azure_pipelines.pipeline import (
    FOLDER,
    PIPELINE,
    PREDEFINED,
    expand,
    find_script,
    list_jobs,
    list_pipelines,
    make_environment,
    read_project_pipeline,
)
from doubles.azure.azure import Azure
from doubles.azure.insights import CONNECTION_STRING
from doubles.azure.names import ENVIRON, REGISTRY
from doubles.azure.server import AzureServer

RELEASE, INFRASTRUCTURE = f"{FOLDER}/release.yml", f"{FOLDER}/infrastructure.yml"
IDENTITY = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")  # here in place of `az login`
GROUPS = {
    **{name: value for name, value in ENVIRON.items() if name not in IDENTITY},
    "ACI_DEPLOYMENT_NAME": "model-qa",
    "AKS_DEPLOYMENT_NAME": "model-production",
    "applicationinsights-connection-string": CONNECTION_STRING,
}
TESTS = {"Model_CI", "Test"}  # the same whatever the platform
BY_BUILD = {"Build.Reason": "ResourceTrigger", "resources.triggeringAlias": "training"}
BY_IMAGE = {"Build.Reason": "ResourceTrigger", "resources.triggeringAlias": "scoring"}


@pytest.fixture
def agent(project: Path, tmp_path: Path) -> Iterator[Agent]:
    """An agent. The services that its jobs leave running end with the test."""
    copy_repository(project, tmp_path / "repository")
    agent = Agent(tmp_path / "repository", tmp_path / "work", tmp_path / "artifacts")
    yield agent
    if (agent.sources / ".venv" / "bin" / "mlops").exists():
        home = {"MLOPS_HOME": str(agent.workspace / "mlops")}
        assert agent.run_script(".venv/bin/mlops stop --platform local", home).returncode == 0


@pytest.fixture
def azure_agent(agent: Agent, azure: Azure, azure_server: AzureServer) -> Agent:
    """An agent whose scripts reach the double of Azure, as the identity of the service connection."""
    agent.given, agent.packages = GROUPS, Path(sys.prefix)
    agent.login = {**azure_server.environ, **{name: os.environ[name] for name in (*IDENTITY, "HOME")}}
    return agent


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_script_runs_on_the_platform_local(agent: Agent) -> None:
    """Run from a fresh checkout to a service in production. A stage gets the results of others only as artifacts.

    The job runs only a few of the unit tests, because this test is one of them.
    """
    agent.environ = {"PYTEST_ADDOPTS": "--ignore-glob=tests/[!d]*"}
    agent.run_pipeline(PIPELINE, platform="local")

    home = {"MLOPS_HOME": str(agent.workspace / "mlops")}
    status = json.loads(agent.run_script(".venv/bin/mlops status --json", home).stdout)
    assert {service["environment"]: service["health"] for service in status["services"]} == {
        "qa": "healthy",
        "production": "healthy",
    }
    assert status["champion"]["version"] == 1
    tags = status["champion"]["tags"]
    assert tags["BuildId"] == "4711"
    assert tags["BuildUri"] == "https://dev.azure.com/contoso/Diabetes Project/_build/results?buildId=4711"
    published = {path.name for path in agent.artifacts.iterdir()}
    assert published == {"mlops-home", "reports-build-1", "reports-retraining-1", "reports-release-1"}
    for name in published - {"mlops-home"}:
        assert (agent.artifacts / name / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_every_script_runs_on_the_platform_azure(azure_agent: Agent, azure: Azure) -> None:
    """Set up, build, release for the build and again for its image, delete. A rejected model leaves the build green."""
    agent, artifacts = azure_agent, azure_agent.artifacts
    azure.deployments.start_empty()
    agent.run_pipeline(INFRASTRUCTURE, task="provision")

    agent.run_pipeline(PIPELINE, platform="azure", done=TESTS)
    named = json.loads((artifacts / "model" / "model.json").read_text())
    assert (named["version"], named["id"]) == (1, f"{named['name']}:1")
    assert agent.tags == ["new-model"]
    assert "Test the web service" not in agent.steps

    agent.run_pipeline(RELEASE, registry=REGISTRY, variables=BY_BUILD)
    assert agent.steps.count("Test the web service") == 2
    assert "Deploy the model of the build" in agent.steps
    assert "Deploy the new image" not in agent.steps

    ((_, digest),) = azure.container_registry.manifests
    image = {"resources.container.scoring.digest": digest}
    agent.artifacts = agent.artifacts.with_name("artifacts-of-the-image")  # of another run
    agent.run_pipeline(RELEASE, registry=REGISTRY, variables={**BY_IMAGE, **image})
    assert agent.steps.count("Test the web service") == 4
    assert agent.steps.count("Deploy the new image") == 1
    agent.artifacts = artifacts

    again = {"System.JobAttempt": "2", "Build.BuildId": "4712"}
    agent.run_pipeline(PIPELINE, platform="azure", variables=again, done={*TESTS, "Publish_Pipeline"})
    assert agent.tags == ["new-model"]
    assert (artifacts / "reports-retraining-2" / "index.html").is_file()

    agent.run_pipeline(INFRASTRUCTURE, task="teardown")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_script_of_the_night_runs(agent: Agent) -> None:
    """Only collect the tests of the nightly script, because this test is one of them."""
    agent.environ, agent.packages = {"PYTEST_ADDOPTS": "--collect-only"}, Path(sys.prefix)
    agent.run_pipeline(PIPELINE, variables={"Build.Reason": "Schedule"})
    assert agent.steps == ["Install", "Run all tests"]


def test_every_script_is_run_by_one_of_these_tests(project: Path) -> None:
    """Each job runs in at least one test: if a condition skips it in one test, it runs in another."""
    started = {(PIPELINE, "local"), (PIPELINE, "azure"), (RELEASE, "mlopsregistry"), (INFRASTRUCTURE, "provision")}
    found = {(file, next(iter(choice.values()), "")) for file, choice, _ in list_pipelines(project)}
    assert found == started | {(INFRASTRUCTURE, "teardown")}


def test_jobs_that_create_images_install_the_converters_of_models(project: Path) -> None:
    """Otherwise, an agent would choose another runtime than a laptop. Submitted runs have all packages of the lock."""
    found = set[str]()
    for _, _, pipeline in list_pipelines(project):
        for job in list_jobs(pipeline):
            scripts = [script for step in job.steps if (script := find_script(step))]
            if any(re.search(r"mlops run (all|retrain|release)\b(?!.* --only)", script) for script in scripts):
                assert 'make setup EXTRAS="runtimes"' in scripts, job
                found.add(job.name)
    assert found == {"Retrain", "Release"}


def test_a_stage_without_the_name_of_its_deployment_is_left_out(agent: Agent) -> None:
    """As in the reference implementation, the variables determine which environments exist."""
    agent.given = {name: value for name, value in GROUPS.items() if not name.endswith("_DEPLOYMENT_NAME")}
    agent.run_pipeline(RELEASE, variables=BY_IMAGE)
    assert agent.steps == []


def test_a_pull_request_gets_neither_secrets_nor_a_login(project: Path) -> None:
    """Only jobs that a pull request does not run have a variable group or a service connection."""
    agent, ran = Agent(project, Path("work"), Path("artifacts")), set[str]()
    for job in list_jobs(read_project_pipeline(project, platform="azure")):
        if agent.is_wanted(job, {**PREDEFINED, "Build.Reason": "PullRequest"}, ran):
            ran |= {job.stage, job.name}
            assert job.groups == ()
            assert not any(step.get("task") == "AzureCLI@2" for step in job.steps)
    assert ran == {"Model_CI", "Test"}


def test_another_branch_changes_nothing_on_azure(project: Path) -> None:
    """A run by hand on a branch only runs the tests. Only runs on main publish and promote."""
    agent, ran = Agent(project, Path("work"), Path("artifacts")), set[str]()
    for job in list_jobs(read_project_pipeline(project, platform="azure")):
        if agent.is_wanted(job, {**PREDEFINED, "Build.SourceBranch": "refs/heads/try"}, ran):
            ran |= {job.stage, job.name}
    assert ran == {"Model_CI", "Test"}


def test_keys_are_not_published(agent: Agent) -> None:
    """The archive for the next stage holds the registry, and neither keys nor the processes of this machine."""
    (job,) = (job for job in list_jobs(read_project_pipeline(agent.repository)) if job.stage == "Retraining")
    (step,) = (step for step in job.steps if find_script(step) and "tar " in step["bash"])
    variables = agent.start_job(job)
    home = Path(expand("$(MLOPS_HOME)", variables))
    for name in ("mlflow.db", "secrets/qa-keys.json", "services/qa.json", "artifacts/secrets/kept.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()

    agent.run_step(step, variables)

    with tarfile.open(Path(variables["Build.ArtifactStagingDirectory"]) / "mlops-home.tar") as archive:
        files = {member.name for member in archive if member.isfile()}
    assert files == {"./mlflow.db", "./artifacts/secrets/kept.json"}


@pytest.mark.parametrize("better", [True, False])
def test_a_new_model_is_published_and_tags_the_build(agent: Agent, better: bool) -> None:
    """The steps after the retraining, with a model.json and without one."""
    jobs = list_jobs(read_project_pipeline(agent.repository, platform="azure"))
    (job,) = (job for job in jobs if job.name == "Run_ML_Pipeline")
    steps = [step for step in job.steps if "model" in step["displayName"]]
    variables = agent.start_job(job)
    if better:
        file = Path(expand("$(model_folder)/model.json", variables))
        file.parent.mkdir()
        file.write_text("{}")
    for step in steps:
        if agent.holds(step.get("condition", "succeeded()"), variables):
            agent.run_step(step, variables)
    assert len(steps) == 2
    assert agent.tags == (["new-model"] if better else [])
    assert (agent.artifacts / "model" / "model.json").exists() == better


def test_scripts_get_variables_as_azure_gives_them() -> None:
    """Case does not matter, values may name variables, dots become underscores, and unknown names stay unchanged."""
    variables = {"Build.BuildId": "7", "page": "results?id=$(build.buildid)"}
    assert expand("$(PAGE) $(unknown)", variables) == "results?id=7 $(unknown)"
    assert make_environment(variables) == {"BUILD_BUILDID": "7", "PAGE": "results?id=7"}


def test_a_secret_is_handed_to_the_scripts_that_ask_for_it_alone(agent: Agent) -> None:
    """The agent handles secrets like Azure Pipelines. The connection string of Application Insights is a secret."""
    agent.given = GROUPS
    (job, *_) = list_jobs(read_project_pipeline(agent.repository, RELEASE))
    variables = agent.start_job(job)
    assert re.search("InstrumentationKey", agent.run_script("env", variables).stdout) is None
    steps = [step for step in job.steps if step.get("task") == "AzureCLI@2"]
    assert {tuple(step["env"].values()) for step in steps} == {("$(applicationinsights-connection-string)",)}
