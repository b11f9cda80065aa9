"""The stages, jobs, steps and variables of the pipelines' files, read as Azure Pipelines reads them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure_pipelines.documented import Documented
from azure_pipelines.templates import expand_file, list_choices

PIPELINE = "azure-pipelines.yml"
FOLDER = ".ci/azure-pipelines"
FILES = (PIPELINE, f"{FOLDER}/release.yml", f"{FOLDER}/infrastructure.yml")
# Takes a file, a text in the file and its replacement, and returns a checkout with the change.
Spoil = Callable[[str, str, str], Path]
VARIABLE = re.compile(r"\$\(([\w.-]+)\)")
# The predefined variables that the files may use, with values such as those on a Linux agent.
PREDEFINED = {
    "Build.SourceBranch": "refs/heads/main",
    "Build.ArtifactStagingDirectory": "/home/vsts/work/1/a",
    "Build.BuildId": "4711",
    "Build.Reason": "IndividualCI",
    "Common.TestResultsDirectory": "/home/vsts/work/1/TestResults",
    "Pipeline.Workspace": "/home/vsts/work/1",
    "System.CollectionUri": "https://dev.azure.com/contoso/",
    "System.JobAttempt": "1",
    "System.TeamProject": "Diabetes Project",
    "resources.triggeringAlias": "",
}


@dataclass(frozen=True)
class Job:
    """A job or a deployment of a stage.

    Parameters
    ----------
    stage, name : str
        The names of the stage and of the job: "Model_CI", "Test".
    steps : tuple of mapping
        The steps, as parsed from the file.
    variables : mapping of str to str
        The variables of the file, the stage and the job, unexpanded. Those of the job have the highest precedence.
    groups : tuple of str
        The names of the variable groups that the job uses.
    environment : str
        The environment of a deployment; empty for a job.
    conditions : tuple of str
        The conditions of the stage and of the job.
    timeout : str, optional
        The time limit in minutes.
    needs : tuple of str
        Stages and jobs that must have succeeded for ``succeeded()`` to be true.
    """

    stage: str
    name: str
    steps: tuple[Mapping[str, Any], ...]
    variables: Mapping[str, str]
    groups: tuple[str, ...] = ()
    environment: str = ""
    conditions: tuple[str, ...] = field(default=())
    timeout: str | None = None
    needs: tuple[str, ...] = ()


def read_project_pipeline(project: Path, file: str = PIPELINE, **parameters: str) -> dict[str, Any]:
    """Read the file of a pipeline in a checkout, expanded with these parameters."""
    path = project / file
    return expand_file(path.read_text(encoding="utf-8"), path, parameters)


def list_pipelines(project: Path) -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """Yield every pipeline of a checkout, expanded with every set of parameters that it allows."""
    for file in FILES:
        for choice in list_choices((project / file).read_text(encoding="utf-8")):
            yield file, choice, read_project_pipeline(project, file, **choice)


def list_jobs(pipeline: Mapping[str, Any]) -> Iterator[Job]:
    """Yield the jobs in the order of the file, which is the order in which they run; a matrix yields several."""
    before: list[str] = []  # without dependsOn, a stage needs the one before it
    for stage in pipeline["stages"]:
        of_stage = _list_needs(stage, before[-1:])
        before.append(stage["stage"])
        for job in stage["jobs"]:
            parts = [part.get("variables", {}) for part in (pipeline, stage, job)]
            named = [pair for part in parts for pair in _list_variables(part)]
            groups = [item["group"] for part in parts if isinstance(part, list) for item in part if "group" in item]
            for more in job.get("strategy", {}).get("matrix", {"": {}}).values():
                yield Job(
                    stage["stage"],
                    job.get("job", job.get("deployment")),
                    tuple(job["steps"] if "steps" in job else job["strategy"]["runOnce"]["deploy"]["steps"]),
                    {**dict(named), **more},
                    tuple(groups),
                    job.get("environment", ""),
                    tuple(part["condition"] for part in (stage, job) if "condition" in part),
                    job.get("timeoutInMinutes"),
                    (*of_stage, *_list_needs(job, [])),
                )


def _list_needs(part: Mapping[str, Any], otherwise: list[str]) -> list[str]:
    needs = part.get("dependsOn", otherwise)
    return [needs] if isinstance(needs, str) else needs


def _list_variables(part: Any) -> list[tuple[str, str]]:
    if isinstance(part, dict):
        return list(part.items())
    return [(item["name"], item["value"]) for item in part if "name" in item]


def list_resources(pipeline: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that the resources of a pipeline add, with realistic values."""
    containers = pipeline.get("resources", {}).get("containers", [])
    return {f"resources.container.{item['container']}.digest": "sha256:" + "0" * 64 for item in containers}


def list_known(job: Job, pipeline: Mapping[str, Any], documented: Documented) -> dict[str, str]:
    """Return the variables of a job: predefined and documented ones, and those of groups, resources and the file."""
    of_groups = {name: "" for group in job.groups for name in documented.groups.get(group, ())}
    return {**PREDEFINED, **list_resources(pipeline), **documented.variables, **of_groups, **job.variables}


def find_script(step: Mapping[str, Any]) -> str | None:
    """Return the script of a step; None for other tasks, such as a download."""
    if step.get("task") == "AzureCLI@2":
        script: str = step["inputs"]["inlineScript"]
        return script
    return step.get("bash", step.get("script"))


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(name)`` with the values of variables, as the agent does before a step.

    The case of a name does not matter, and a value can contain the names of other variables. Unknown names stay
    unchanged, so the shell treats them as commands.
    """
    known = {name.lower(): value for name, value in variables.items()}

    def look_up(found: re.Match[str]) -> str:
        name = found[1].lower()
        return expand(known[name], variables) if name in known else found[0]

    return VARIABLE.sub(look_up, text)


def make_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that scripts get: names in upper case, dots as underscores."""
    return {name.upper().replace(".", "_"): expand(value, variables) for name, value in variables.items()}
