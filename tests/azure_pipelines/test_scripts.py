"""Every script of azure-pipelines.yml, run for real on the local platform, in order, each job on its own machine."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from azure_pipelines.pipeline import (
    PREDEFINED,
    Job,
    expand,
    find_script,
    list_jobs,
    make_environment,
    read_project_pipeline,
)

STEP_SECONDS = 900
PRIVATE = ("MLOPS_", "PYTEST_", "VIRTUAL_ENV")  # what this test run has set, an agent has not


@dataclass(frozen=True)
class Agent:
    """A machine that runs jobs: a small stand-in for Azure Pipelines' own.

    Parameters
    ----------
    repository : Path
        What it clones for every job.
    workspace : Path
        Its folder; empty at the start of every job, and always the same, as on Microsoft's agents.
    artifacts : Path
        What the jobs publish; it outlives them.
    """

    repository: Path
    workspace: Path
    artifacts: Path

    @property
    def sources(self) -> Path:
        """Where the scripts run."""
        return self.workspace / "s"

    def start_job(self, job: Job) -> dict[str, str]:
        """Make an empty machine with a fresh checkout; returns the variables of the job."""
        shutil.rmtree(self.workspace, ignore_errors=True)
        folders = {"Build.ArtifactStagingDirectory": "a", "Common.TestResultsDirectory": "TestResults"}
        paths = {name: str(self.workspace / folder) for name, folder in folders.items()}
        for path in paths.values():
            Path(path).mkdir(parents=True)
        subprocess.run(["git", "clone", "--quiet", self.repository, self.sources], check=True)
        return {**PREDEFINED, **job.variables, **paths, "Pipeline.Workspace": str(self.workspace)}

    def run_step(self, step: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        """Do what a step says; a script that fails ends the test with what it printed."""
        script = find_script(step)
        if script is not None:
            done = self.run_script(expand(script, variables), variables)
            assert done.returncode == 0, f"{step['displayName']}: exit code {done.returncode}\n{done.stdout}"
        elif "publish" in step:
            self._publish(Path(expand(step["publish"], variables)), expand(step["artifact"], variables))
        elif "download" in step:
            name = expand(step["artifact"], variables)
            shutil.copytree(self.artifacts / name, self.workspace / name)
        elif step["task"] == "PublishTestResults@2":
            inputs = {name: expand(value, variables) for name, value in step["inputs"].items()}
            results = list(Path(inputs["searchFolder"]).glob(inputs["testResultsFiles"]))
            assert [count_tests(path) > 0 for path in results] == [True]
        else:  # the machine has its Python
            assert step["task"] == "UsePythonVersion@0"

    def run_script(self, script: str, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """Run a script as the Bash task does: without -e, in the checkout, variables in the environment."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=self.sources,
            env={**inherited, **make_environment(variables)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )

    def _publish(self, path: Path, name: str) -> None:
        target = self.artifacts / name
        target.mkdir(parents=True)  # fails when the name is taken, as in Azure
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                copy = target / (file.name if file == path else file.relative_to(path))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)  # without permissions, as in Azure


def copy_repository(project: Path, target: Path) -> None:
    """Make a repository with one commit: the working tree as it is, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (project / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, target / name)
    git = ["git", "-c", "core.hooksPath=/dev/null", "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "working tree"]):
        subprocess.run([*git, *words], cwd=target, check=True, stdin=subprocess.DEVNULL)


def count_tests(path: Path) -> int:
    """Return how many tests a JUnit file reports."""
    return sum(int(suite.get("tests", 0)) for suite in ElementTree.parse(path).iter("testsuite"))


@pytest.fixture
def agent(project: Path, tmp_path: Path) -> Iterator[Agent]:
    """An agent; the services that its jobs leave end with the test."""
    copy_repository(project, tmp_path / "repository")
    agent = Agent(tmp_path / "repository", tmp_path / "work", tmp_path / "artifacts")
    yield agent
    if (agent.sources / ".venv" / "bin" / "mlops").exists():
        home = {"MLOPS_HOME": str(agent.workspace / "mlops")}
        assert agent.run_script(".venv/bin/mlops stop", home).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_script_runs(agent: Agent) -> None:
    """From a fresh checkout to a service in production; what a stage needs reaches it as an artifact or not at all."""
    for job in list_jobs(read_project_pipeline(agent.repository)):
        variables = agent.start_job(job)
        for step in job.steps:
            agent.run_step(step, variables)

    status = json.loads(agent.run_script(".venv/bin/mlops status --json", variables).stdout)
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


def test_scripts_get_variables_as_azure_gives_them() -> None:
    """Case does not count, values may name variables, dots become underscores, what is unknown stays."""
    variables = {"Build.BuildId": "7", "page": "results?id=$(build.buildid)"}
    assert expand("$(PAGE) $(unknown)", variables) == "results?id=7 $(unknown)"
    assert make_environment(variables) == {"BUILD_BUILDID": "7", "PAGE": "results?id=7"}
