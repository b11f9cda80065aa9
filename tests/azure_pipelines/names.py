"""Checks that every name in azure-pipelines.yml is the name of something: Azure says so only when it is too late."""

import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from azure_pipelines.pipeline import (
    PIPELINE,
    PREDEFINED,
    VARIABLE,
    Job,
    expand,
    find_script,
    list_jobs,
    make_environment,
    read_pipeline,
)

from mlops import cli
from mlops.backends import require_platform
from mlops.errors import MlopsError
from mlops.parameters import load_parameters
from mlops.pipelines import PIPELINES

NOTEBOOK = re.compile(r"\b\d\d_[a-z_]+\b")
FOLDERS = ("tests/", "notebooks/", "parameters/", "src/", "docs/", ".ci/")
SHELL = {"HOME", "PATH", "PWD", "TMPDIR"}
SHELL_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
CONDITION_VARIABLE = re.compile(r"variables\['([^']*)'\]")


def find_name_errors(text: str, project: Path) -> list[str]:
    """Check the text of a pipeline.

    Parameters
    ----------
    text : str
        The file.
    project : Path
        The checkout whose notebooks, parameters, make targets and tests it names.

    Returns
    -------
    list of str
        "where: there is no such thing"; empty if all is well.
    """
    pipeline = read_pipeline(text)
    return [
        *_check_notebooks(text, project),
        *_check_stages(pipeline),
        *_check_artifacts(pipeline),
        *_check_own_variables(pipeline, project),
        *_check_conditions(pipeline),
        *(error for job in list_jobs(pipeline) for error in _check_job(job, project)),
    ]


def _check_notebooks(text: str, project: Path) -> Iterator[str]:
    for name in dict.fromkeys(NOTEBOOK.findall(text)):
        if not (project / "notebooks" / f"{name}.ipynb").is_file():
            yield f"{PIPELINE}: there is no notebook {name!r}"


def _check_stages(pipeline: Mapping[str, Any]) -> Iterator[str]:
    for kind, siblings in (("stage", pipeline["stages"]), *(("job", stage["jobs"]) for stage in pipeline["stages"])):
        earlier: list[str] = []
        for sibling in siblings:
            needs = sibling.get("dependsOn", [])
            for needed in [needs] if isinstance(needs, str) else needs:
                if needed not in earlier:
                    yield f"{sibling[kind]}: dependsOn: there is no {kind} {needed!r} before it"
            earlier.append(sibling[kind])


def _check_artifacts(pipeline: Mapping[str, Any]) -> Iterator[str]:
    published: list[str] = []
    for job in list_jobs(pipeline):
        for step in job.steps:
            if "download" in step and step["artifact"] not in published:
                yield f"{job.stage}: there is no artifact {step['artifact']!r} published before"
        published += [step["artifact"] for step in job.steps if "publish" in step]


def _check_own_variables(pipeline: Mapping[str, Any], project: Path) -> Iterator[str]:
    """Variables whose names begin like those of the platform are of use only if the platform reads them."""
    source = "".join(path.read_text(encoding="utf-8") for path in (project / "src" / "mlops").rglob("*.py"))
    names = {name: None for job in list_jobs(pipeline) for name in job.variables}
    for name in names:
        if name.startswith("MLOPS_") and not re.search(rf"\b{name}\b", source):
            yield f"variables: nothing in src/mlops reads {name!r}"


def _check_conditions(pipeline: Mapping[str, Any]) -> Iterator[str]:
    known = {name.lower() for job in list_jobs(pipeline) for name in job.variables} | _lower(PREDEFINED)
    for text in _list_texts(pipeline):
        for name in CONDITION_VARIABLE.findall(text):
            if name.lower() not in known:
                yield f"condition: there is no variable {name!r}"


def _check_job(job: Job, project: Path) -> Iterator[str]:
    variables = {**PREDEFINED, **job.variables}
    for text in (*job.variables.values(), *_list_texts(job.steps)):
        for name in VARIABLE.findall(text):
            if name.lower() not in _lower(variables):
                yield f"{job.stage}: there is no variable {name!r}"
    for step in job.steps:
        script = find_script(step)
        if script is not None:
            environment = {*make_environment(variables), *step.get("env", {}), *SHELL}
            yield from (f"{job.stage}: {error}" for error in _check_script(script, variables, environment, project))


def _check_script(script: str, variables: Mapping[str, str], environment: set[str], project: Path) -> Iterator[str]:
    for name in SHELL_VARIABLE.findall(script):
        if name not in environment:
            yield f"there is no environment variable {name!r}"
    for command in _split_commands(expand(script, variables)):
        program, *words = command
        if program.startswith(".venv/bin/") and not Path(sys.executable).with_name(Path(program).name).exists():
            yield f"there is no program {program!r}"
        for word in command:
            if word.startswith(FOLDERS) and not (project / word).exists():
                yield f"there is no file {word!r}"
        if Path(program).name == "mlops":
            yield from _check_mlops(words, project)
        if program == "make":
            yield from _check_make(words, project)


def _split_commands(script: str) -> Iterator[list[str]]:
    """Yield the commands of a script, each as its words; a line that ends in a backslash goes on."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&")
        lexer.whitespace_split = True
        for is_separator, words in groupby(lexer, lambda word: set(word) <= set(";|&")):
            if not is_separator:
                yield list(words)


def _check_make(words: list[str], project: Path) -> Iterator[str]:
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([\w./-]+):(?!=)", makefile, re.MULTILINE)
    for word in words:
        if not word.startswith("-") and "=" not in word and word not in targets:
            yield f"there is no make target {word!r}"


def _check_mlops(words: list[str], project: Path) -> Iterator[str]:
    """Let the command line itself read the words, and the parameters be read, without running anything."""
    if not words or words[0] not in cli.main.commands:
        yield f"there is no command {' '.join(['mlops', *words[:1]])!r}"
        return
    try:
        given = cli.main.commands[words[0]].make_context(words[0], words[1:]).params
        if given.get("platform"):
            require_platform(given["platform"])
        if words[0] == "run":
            load_parameters(project, PIPELINES["all"], given["overrides"], given["platform"])
            steps = {name for step in PIPELINES[given["pipeline"]] for name in (step.name, step.notebook_name)}
            for name in (given["only"], *(override.partition(".")[0] for override in given["overrides"])):
                if name and name not in steps:
                    yield f"mlops run {given['pipeline']}: it has no step {name!r}"
    except click.UsageError as error:
        yield f"mlops {words[0]}: {error.format_message()}"
    except MlopsError as error:
        yield f"mlops {words[0]}: {error}"


def _list_texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for item in node.values():
            yield from _list_texts(item)
    else:
        for item in node:
            yield from _list_texts(item)


def _lower(names: Mapping[str, str]) -> set[str]:
    return {name.lower() for name in names}
