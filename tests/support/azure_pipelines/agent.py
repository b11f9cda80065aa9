"""A double of Azure Pipelines and its agents. It runs the jobs in the file of a pipeline, each on an empty machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from azure_pipelines.documented import read_documented
from azure_pipelines.expressions import Scope, evaluate, is_true
from azure_pipelines.pipeline import (
    PREDEFINED,
    Job,
    expand,
    find_script,
    list_jobs,
    list_resources,
    make_environment,
    read_project_pipeline,
)
from checkout import list_tracked

STEP_SECONDS = 1500
READY = ".ready"  # make compares the time of files with this prefix with the time of the lock
INSTALL = re.compile(r"make setup( EXTRAS=.*)?")
PRIVATE = ("MLOPS_", "PYTEST_", "VIRTUAL_ENV")  # variables of this test run that an agent does not have
MACHINE = {**os.environ}  # the environment before a test adds the double of Azure
COMMAND = re.compile(r"^##vso\[(task\.setvariable variable=|build\.addbuildtag\])([\w.-]+)(?:\](.*))?$", re.MULTILINE)
SECRET_GROUP = "mlops-keyvault"  # secrets of Key Vault are not passed to scripts automatically


@dataclass
class Agent:
    """A machine that runs jobs.

    Parameters
    ----------
    repository : Path
        The repository that the agent clones for every job.
    workspace : Path
        The folder in which the agent works. It is emptied before every job, and its path never changes, as on
        Microsoft's agents.
    artifacts : Path
        The folder for published artifacts, which outlive the jobs.
    given : mapping of str to str
        The values in the variable groups, which people set in Azure DevOps.
    environ : mapping of str to str
        Additional environment variables for every script.
    login : mapping of str to str
        Additional environment variables for scripts of AzureCLI@2: the address of the double of Azure, and the identity
        that `az login` would provide.
    packages : Path, optional
        The ``.venv`` of another checkout with the same lock. The first `make setup` then finds a copy of it. Otherwise,
        `make setup` installs everything, which takes two minutes of CPU time.
    """

    repository: Path
    workspace: Path
    artifacts: Path
    given: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    login: Mapping[str, str] = field(default_factory=dict)
    packages: Path | None = None
    tags: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    @property
    def sources(self) -> Path:
        """The folder in which the scripts run."""
        return self.workspace / "s"

    @property
    def _packages(self) -> Path:
        return self.sources / ".venv"

    @property
    def _kept(self) -> Path:
        """The packages that the first `make setup` installed. Later calls find them here, so they take no time."""
        return self.workspace.with_name(f"{self.workspace.name}-packages")

    def run_pipeline(
        self, file: str, *, variables: Mapping[str, str] | None = None, done: Iterable[str] = (), **parameters: str
    ) -> None:
        """Run a pipeline as its trigger would: all jobs in order, except jobs whose conditions are false.

        Parameters
        ----------
        file : str
            The pipeline's file, relative to the repository.
        variables : mapping of str to str, optional
            Predefined variables with other values in this run, such as ``Build.Reason``.
        done : iterable of str
            Stages and jobs that are treated as done, because another test runs them.
        parameters : str
            The parameters of the pipeline.
        """
        pipeline = read_project_pipeline(self.repository, file, **parameters)
        run = {**PREDEFINED, **list_resources(pipeline), **(variables or {})}
        ran = set(done)
        jobs = {job.name: job for job in list_jobs(pipeline)}  # those of a matrix differ only in the version of Python
        for job in jobs.values():
            if job.name not in done and self.is_wanted(job, run, ran):
                self.run_job(job, run)
                ran |= {job.stage, job.name}

    def is_wanted(self, job: Job, run: Mapping[str, str], ran: Container[str]) -> bool:
        """Return whether a job's conditions are true. Without a condition, the jobs that it needs must have run."""
        known, succeeded = self.find_variables(job, run), all(name in ran for name in job.needs)
        return all(self.holds(condition, known, succeeded) for condition in job.conditions or ("succeeded()",))

    def run_job(self, job: Job, run: Mapping[str, str] = PREDEFINED) -> dict[str, str]:
        """Run a job, and return the final values of its variables."""
        variables = self.start_job(job, run)
        for step in job.steps:
            if self.holds(step.get("condition", "succeeded()"), variables):
                self.run_step(step, variables)
        return variables

    def find_variables(self, job: Job, run: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a job on this machine, including those of the variable groups that it names."""
        documented = read_documented(self.repository)
        names = {name for group in job.groups for name in documented.groups[group]} | documented.variables.keys()
        given = {name: value for name, value in self.given.items() if name in names}
        folders = {"Build.ArtifactStagingDirectory": "a", "Common.TestResultsDirectory": "TestResults"}
        paths = {name: str(self.workspace / folder) for name, folder in folders.items()}
        return {**run, **given, **job.variables, **paths, "Pipeline.Workspace": str(self.workspace)}

    def start_job(self, job: Job, run: Mapping[str, str] = PREDEFINED) -> dict[str, str]:
        """Create an empty machine with a fresh checkout, and return the variables of the job."""
        if self._packages.joinpath(READY).exists():
            self._packages.rename(self._kept)
        shutil.rmtree(self.workspace, ignore_errors=True)
        variables = self.find_variables(job, run)
        for name in ("Build.ArtifactStagingDirectory", "Common.TestResultsDirectory"):
            Path(variables[name]).mkdir(parents=True)
        # A deployment does not check out sources automatically.
        if not job.environment or {"checkout": "self"} in job.steps:
            subprocess.run(["git", "clone", "--quiet", self.repository, self.sources], check=True)
        return variables

    def run_step(self, step: Mapping[str, Any], variables: dict[str, str]) -> None:
        """Run a step. A script that fails ends the test with its output."""
        script = find_script(step)
        if script is not None:
            login = self.login if step.get("task") == "AzureCLI@2" else {}
            extra = {**login, **{name: expand(value, variables) for name, value in step.get("env", {}).items()}}
            done = self.run_script(expand(script, variables), variables, extra)
            assert done.returncode == 0, f"{step['displayName']}: exit code {done.returncode}\n{done.stdout}"
            self.steps.append(step["displayName"])
            self._obey(done.stdout, variables)
        elif "publish" in step:
            self._publish(Path(expand(step["publish"], variables)), expand(step["artifact"], variables))
        elif "download" in step:
            self._download(step["download"], expand(step["artifact"], variables))
        elif step.get("task") == "PublishTestResults@2":
            inputs = {name: expand(value, variables) for name, value in step["inputs"].items()}
            results = list(Path(inputs["searchFolder"]).glob(inputs["testResultsFiles"]))
            assert [count_tests(path) > 0 for path in results] == [True]
        elif step.get("task") == "PublishCodeCoverageResults@2":
            assert count_covered(Path(expand(step["inputs"]["summaryFileLocation"], variables))) > 0
        else:  # the machine has Python already
            assert step.get("task") == "UsePythonVersion@0" or step == {"checkout": "self"}

    def run_script(
        self, script: str, variables: Mapping[str, str], extra: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a script in the checkout as tasks do: without -e, and with all variables except secrets."""
        if INSTALL.fullmatch(script.strip()):
            self._reuse_packages()
        inherited = {name: value for name, value in MACHINE.items() if not name.startswith(PRIVATE)}
        secrets = set(read_documented(self.repository).groups[SECRET_GROUP])
        shown = {name: value for name, value in variables.items() if name not in secrets}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=self.sources,
            env={**inherited, **make_environment(shown), **(extra or {}), **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )

    def _reuse_packages(self) -> None:
        if self._kept.exists():
            self._kept.rename(self._packages)
        elif self.packages:
            move_packages(self.packages, self._packages)
        else:
            return
        for path in sorted(self._packages.glob(f"{READY}*")):
            content = path.read_bytes()
            path.unlink()  # the other checkout has the same file
            path.write_bytes(content)

    def holds(self, condition: str, variables: Mapping[str, str], succeeded: bool = True) -> bool:
        """Evaluate a condition."""
        known = {name: expand(value, variables) for name, value in variables.items()}
        return is_true(evaluate(condition, Scope({}, known, succeeded)))

    def _obey(self, printed: str, variables: dict[str, str]) -> None:
        """Execute the commands for the agent in the output of a script."""
        for kind, name, value in COMMAND.findall(printed):
            if kind.startswith("task"):
                variables[name] = value
            else:
                self.tags.append(name)

    def _download(self, source: str, name: str) -> None:
        place = self.workspace / name if source == "current" else self.workspace / source / name
        shutil.copytree(self.artifacts / name, place)

    def _publish(self, path: Path, name: str) -> None:
        target = self.artifacts / name
        target.mkdir(parents=True)  # fails if the name exists already, as in Azure
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                copy = target / (file.name if file == path else file.relative_to(path))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)  # without permissions, as in Azure


def move_packages(source: Path, target: Path) -> None:
    """Copy a ``.venv`` to another checkout, with hard links except for files that contain the path of the checkout."""
    shutil.copytree(source, target, symlinks=True, copy_function=_link)
    (site,) = target.glob("lib/python*/site-packages")
    specs = target.glob("share/jupyter/kernels/*/kernel.json")
    for path in (*target.glob("bin/*"), *site.glob("*.pth"), *site.glob("*.dist-info/direct_url.json"), *specs):
        content = b"" if path.is_symlink() or path.is_dir() else path.read_bytes()
        if bytes(source.parent) in content:
            mode = path.stat().st_mode
            path.unlink()
            path.write_bytes(content.replace(bytes(source.parent), bytes(target.parent)))
            path.chmod(mode)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # the target is on another disk
        shutil.copy2(source, target)


def copy_repository(project: Path, target: Path) -> None:
    """Make a repository with one commit, which contains the tracked files in their present state."""
    for path in list_tracked(project):
        copy = target / path.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    git = ["git", "-c", "core.hooksPath=/dev/null", "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "working tree"]):
        subprocess.run([*git, *words], cwd=target, check=True, stdin=subprocess.DEVNULL)


def count_tests(path: Path) -> int:
    """Return the number of tests that a JUnit file reports."""
    return sum(int(suite.get("tests", 0)) for suite in ElementTree.parse(path).iter("testsuite"))


def count_covered(path: Path) -> int:
    """Return the number of lines that a Cobertura file reports as covered."""
    return int(ElementTree.parse(path).getroot().get("lines-covered", 0))
