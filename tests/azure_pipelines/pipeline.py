"""Reads azure-pipelines.yml as an agent does: stages, jobs, steps, and the variables in them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PIPELINE = "azure-pipelines.yml"
VARIABLE = re.compile(r"\$\(([\w.]+)\)")
# The predefined variables that the file may use, with values of the form that a Linux agent gives them.
PREDEFINED = {
    "Build.ArtifactStagingDirectory": "/home/vsts/work/1/a",
    "Build.BuildId": "4711",
    "Build.Reason": "IndividualCI",
    "Common.TestResultsDirectory": "/home/vsts/work/1/TestResults",
    "Pipeline.Workspace": "/home/vsts/work/1",
    "System.CollectionUri": "https://dev.azure.com/contoso/",
    "System.JobAttempt": "1",
    "System.TeamProject": "Diabetes Project",
}


@dataclass(frozen=True)
class Job:
    """A job with the stage that it is in.

    Parameters
    ----------
    stage, name : str
        "Build", "Test".
    steps : tuple of mapping
        As in the file.
    variables : mapping of str to str
        The file's, the stage's and the job's own, unexpanded; the inner ones win.
    """

    stage: str
    name: str
    steps: tuple[Mapping[str, Any], ...]
    variables: Mapping[str, str]


def read_pipeline(text: str) -> dict[str, Any]:
    """Parse the file; every scalar stays text."""
    return yaml.load(text, yaml.BaseLoader)


def read_project_pipeline(project: Path) -> dict[str, Any]:
    """Parse the file of a checkout."""
    return read_pipeline((project / PIPELINE).read_text(encoding="utf-8"))


def list_jobs(pipeline: Mapping[str, Any]) -> Iterator[Job]:
    """Yield the jobs in the order of the file, which is the order in which they run."""
    for stage in pipeline["stages"]:
        for job in stage["jobs"]:
            variables = {
                name: value for part in (pipeline, stage, job) for name, value in part.get("variables", {}).items()
            }
            yield Job(stage["stage"], job["job"], tuple(job["steps"]), variables)


def find_script(step: Mapping[str, Any]) -> str | None:
    """Return what a step has the shell run; None for a task, a download or a publication."""
    return step.get("bash", step.get("script"))


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put the values of variables in place of ``$(name)``, as the agent does before a step.

    Case does not count, a value may name other variables, and what is unknown stays as it is: the shell then takes
    it for a command to run.
    """
    known = {name.lower(): value for name, value in variables.items()}

    def look_up(found: re.Match[str]) -> str:
        name = found[1].lower()
        return expand(known[name], variables) if name in known else found[0]

    return VARIABLE.sub(look_up, text)


def make_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that scripts get: names in upper case, dots as underscores."""
    return {name.upper().replace(".", "_"): expand(value, variables) for name, value in variables.items()}
