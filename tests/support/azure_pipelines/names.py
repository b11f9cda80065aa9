"""The check that every name in the pipelines' files exists. Azure reports a wrong name only when the pipeline runs."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from azure_pipelines.commands import find_command_errors
from azure_pipelines.documented import Documented, read_documented
from azure_pipelines.expressions import Scope, evaluate
from azure_pipelines.pipeline import (
    FOLDER,
    PIPELINE,
    VARIABLE,
    Job,
    find_script,
    list_jobs,
    list_known,
    list_pipelines,
    make_environment,
    read_project_pipeline,
)
from azure_pipelines.templates import TemplateError

from mlops.parameters.layers import read_layer

NOTEBOOK = re.compile(r"\b\d\d_[a-z_]+\b")
CONDITION_VARIABLE = re.compile(r"variables\['([^']*)'\]")
SET_VARIABLE = re.compile(r"##vso\[task\.setvariable variable=([\w.-]+)")
BUILD_TAG = re.compile(r"##vso\[build\.addbuildtag\]([\w.-]+)")
SHELL = {"HOME", "PATH", "PWD", "TMPDIR"}
TRAINING = ("platform", "azure")  # the parameters of the pipeline that releases wait for
AZURE_SETTING = "MLOPS_AZURE_"


def find_name_errors(project: Path) -> list[str]:
    """Return the errors in the files of a checkout, each expanded with every set of parameters that it allows.

    Parameters
    ----------
    project : Path
        The checkout. The files name its notebooks, parameters, make targets, tests and documentation.

    Returns
    -------
    list of str
        Messages of the form "place: there is no ...", without duplicates. Empty if there are no errors.
    """
    try:
        errors = [*_check_texts(project)]
        for _, _, pipeline in list_pipelines(project):
            errors += _check_pipeline(pipeline, project)
    except TemplateError as error:
        return [str(error)]
    return list(dict.fromkeys(errors))


def _check_texts(project: Path) -> Iterator[str]:
    """Check names in the raw text: notebooks, even in comments, and templates that no file includes."""
    texts = {path: path.read_text(encoding="utf-8") for path in (project / FOLDER).glob("*.yml")}
    texts[project / PIPELINE] = (project / PIPELINE).read_text(encoding="utf-8")
    for path, text in texts.items():
        for name in NOTEBOOK.findall(text):
            if not (project / "notebooks" / f"{name}.ipynb").is_file():
                yield f"{path.name}: there is no notebook {name!r}"
        if path.name != PIPELINE and not any(path.name in other for there, other in texts.items() if there != path):
            yield f"{path.name}: no other file names it"


def _check_pipeline(pipeline: Mapping[str, Any], project: Path) -> Iterator[str]:
    documented = read_documented(project)
    yield from _check_stages(pipeline)
    yield from _check_artifacts(pipeline, project)
    yield from _check_resources(pipeline, project, documented)
    yield from _check_own_variables(pipeline, project, documented)
    for job in list_jobs(pipeline):
        yield from _check_job(job, pipeline, project, documented)


def _check_stages(pipeline: Mapping[str, Any]) -> Iterator[str]:
    jobs = (("job", stage["jobs"]) for stage in pipeline["stages"])
    for kind, siblings in (("stage", pipeline["stages"]), *jobs):
        earlier: list[str] = []
        for sibling in siblings:
            name = sibling.get(kind, sibling.get("deployment"))
            needs = sibling.get("dependsOn", [])
            for needed in [needs] if isinstance(needs, str) else needs:
                if needed not in earlier:
                    yield f"{name}: dependsOn: there is no {kind} {needed!r} before it"
            earlier.append(name)


def _check_artifacts(pipeline: Mapping[str, Any], project: Path) -> Iterator[str]:
    """Check that every downloaded artifact was published by an earlier job, or by a pipeline among the resources."""
    published: list[str] = []
    sources = {item["pipeline"] for item in pipeline.get("resources", {}).get("pipelines", [])}
    training = read_project_pipeline(project, **dict([TRAINING]))
    of_training = [step["artifact"] for job in list_jobs(training) for step in job.steps if "publish" in step]
    for job in list_jobs(pipeline):
        for step in job.steps:
            if "download" not in step:
                continue
            if step["download"] != "current" and step["download"] not in sources:
                yield f"{job.stage}: there is no pipeline resource {step['download']!r}"
            elif step["artifact"] not in (published if step["download"] == "current" else of_training):
                yield f"{job.stage}: there is no artifact {step['artifact']!r} published before"
        published += [step["artifact"] for step in job.steps if "publish" in step]


def _check_resources(pipeline: Mapping[str, Any], project: Path, documented: Documented) -> Iterator[str]:
    resources = pipeline.get("resources", {})
    settings, shared = _read_section(project, "azure", "azure"), read_layer(project / "parameters" / "base.yml").shared
    training = read_project_pipeline(project, **dict([TRAINING]))
    tags = [tag for text in _list_texts(training) for tag in BUILD_TAG.findall(text)]
    for item in resources.get("containers", []):
        if item["azureSubscription"] not in documented.connections:
            yield f"resources: docs/azure.md has no service connection {item['azureSubscription']!r}"
        if item["resourceGroup"] != settings["resource_group"]:
            yield f"resources: parameters/azure.yml has no resource group {item['resourceGroup']!r}"
        if item["repository"] != shared["model_name"].value:
            yield f"resources: parameters/base.yml has no model {item['repository']!r}"
    for item in resources.get("pipelines", []):
        if item["source"] not in documented.pipelines:
            yield f"resources: docs/azure.md has no pipeline {item['source']!r}"
        for tag in item["trigger"].get("tags", []):
            if tag not in tags:
                yield f"resources: no script of {PIPELINE} adds the build tag {tag!r}"


def _check_own_variables(pipeline: Mapping[str, Any], project: Path, documented: Documented) -> Iterator[str]:
    """Check that the platform reads every variable with its prefix, because other variables have no effect."""
    source = _read_sources((project / "src" / "mlops").resolve())
    settings = _read_section(project, "azure", "azure")
    names = {name: None for job in list_jobs(pipeline) for name in job.variables}
    for name in (*names, *(name for group in documented.groups.values() for name in group)):
        if name.startswith(AZURE_SETTING):
            if name.removeprefix(AZURE_SETTING).lower() not in settings:
                yield f"variables: parameters/azure.yml has no setting for {name!r}"
        elif name.startswith("MLOPS_") and not re.search(rf"\b{name}\b", source):
            yield f"variables: nothing in src/mlops reads {name!r}"


def _read_section(project: Path, file: str, section: str) -> dict[str, Any]:
    content = _parse((project / "parameters" / f"{file}.yml").read_text(encoding="utf-8"))
    return dict(content[section])


@cache
def _parse(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


@cache
def _read_sources(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))


def _check_job(job: Job, pipeline: Mapping[str, Any], project: Path, documented: Documented) -> Iterator[str]:
    if job.environment and job.environment not in documented.environments:
        yield f"{job.stage}: docs/azure.md has no environment {job.environment!r}"
    for group in job.groups:
        if group not in documented.groups:
            yield f"{job.stage}: docs/azure.md has no variable group {group!r}"
    variables = list_known(job, pipeline, documented)
    for condition in job.conditions:
        yield from _check_condition(condition, variables, job)
    for text in job.variables.values():
        yield from _check_variables(text, variables, job)
    for step in job.steps:
        yield from _check_step(step, variables, job, project, documented)
        variables |= {name: "" for text in _list_texts(step) for name in SET_VARIABLE.findall(text)}


def _check_step(
    step: Mapping[str, Any], variables: Mapping[str, str], job: Job, project: Path, documented: Documented
) -> Iterator[str]:
    for text in _list_texts(step):
        yield from _check_variables(text, variables, job)
    yield from _check_condition(step.get("condition", "succeeded()"), variables, job)
    connection = step.get("inputs", {}).get("azureSubscription")
    if connection and connection not in documented.connections:
        yield f"{job.stage}: docs/azure.md has no service connection {connection!r}"
    script = find_script(step)
    if script is not None:
        environment = {*make_environment(variables), *step.get("env", {}), *SHELL}
        found = find_command_errors(script, variables, environment, project)
        yield from (f"{job.stage}: {error}" for error in found)


def _check_variables(text: str, variables: Mapping[str, str], job: Job) -> Iterator[str]:
    known = {name.lower() for name in variables}
    for name in VARIABLE.findall(text):
        if name.lower() not in known:
            yield f"{job.stage}: there is no variable {name!r}"


def _check_condition(condition: str, variables: Mapping[str, str], job: Job) -> Iterator[str]:
    known = {name.lower() for name in variables}
    for name in CONDITION_VARIABLE.findall(condition):
        if name.lower() not in known:
            yield f"{job.stage}: condition: there is no variable {name!r}"
    try:
        evaluate(condition, Scope({}, variables))
    except ValueError as error:
        yield f"{job.stage}: condition: {error}"


def _list_texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    else:
        for item in node.values() if isinstance(node, Mapping) else node:
            yield from _list_texts(item)
