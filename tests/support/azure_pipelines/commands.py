"""The check of the commands in a script without running it: programs, files, make targets, and arguments of mlops."""

import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path

import click
from azure_pipelines.pipeline import expand
from given_parameters import load_project

from mlops import cli
from mlops.backends import require_platform
from mlops.errors import MlopsError
from mlops.parameters.overrides import read_override
from mlops.parameters.project import Project
from mlops.pipelines import PIPELINES
from mlops.platform.submission import read_submission

FOLDERS = ("tests/", "notebooks/", "parameters/", "src/", "docs/", ".ci/")
SHELL_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")


def find_command_errors(
    script: str, variables: Mapping[str, str], environment: set[str], project: Path
) -> Iterator[str]:
    """Yield an error for each name in a script that does not exist.

    Parameters
    ----------
    script : str
        The text of the script.
    variables : mapping of str to str
        The variables of the job.
    environment : set of str
        The names of the environment variables that the script gets.
    project : Path
        The checkout.
    """
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
    """Yield each command of a script as a list of words. A backslash at the end of a line continues the command."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&")
        lexer.whitespace_split = True
        for is_separator, words in groupby(lexer, lambda word: bool(word) and set(word) <= set(";|&")):
            if not is_separator:
                yield list(words)


def _check_make(words: list[str], project: Path) -> Iterator[str]:
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([\w./-]+):(?!=)", makefile, re.MULTILINE)
    for word in words:
        if not word.startswith("-") and "=" not in word and word not in targets:
            yield f"there is no make target {word!r}"


@cache
def _load(project: Path) -> Project:
    """Load the project of a checkout. Repeated calls return the same object."""
    return load_project(project, PIPELINES["all"])


def _check_mlops(words: list[str], project: Path) -> Iterator[str]:
    """Parse a command as the command line does, and check its parameters, without running anything."""
    if not words or words[0] not in cli.main.commands:
        yield f"there is no command {' '.join(['mlops', *words[:1]])!r}"
        return
    try:
        given = cli.main.commands[words[0]].make_context(words[0], words[1:]).params
        if given.get("platform"):
            require_platform(given["platform"])
        if words[0] == "submit":
            read_submission(dict(text.split("=", 1) for text in given["given"]))
        if words[0] == "run":
            overrides = [read_override(text) for text in given["overrides"]]
            _load(project.joinpath("parameters").resolve().parent).merge(overrides, given["platform"])
            steps = {name for step in PIPELINES[given["pipeline"]] for name in (step.name, step.notebook_name)}
            for name in (given["only"], *(override.partition(".")[0] for override in given["overrides"])):
                if name and name not in steps:
                    yield f"mlops run {given['pipeline']}: it has no step {name!r}"
    except click.UsageError as error:
        yield f"mlops {words[0]}: {error.format_message()}"
    except MlopsError as error:
        yield f"mlops {words[0]}: {error}"
