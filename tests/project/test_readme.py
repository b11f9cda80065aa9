"""The README and the manuals in docs/ describe everything that exists, and nothing else."""

import re
from pathlib import Path

import click
import pytest
from checkout import list_tracked

from mlops.cli import main
from mlops.pipelines import PIPELINES


@pytest.fixture(scope="module")
def readme(project: Path) -> str:
    """The text of README.md."""
    return (project / "README.md").read_text()


@pytest.fixture(scope="module")
def manuals(project: Path) -> str:
    """The text of README.md and of all manuals."""
    return "\n".join(path.read_text() for path in (project / "README.md", *sorted((project / "docs").glob("*.md"))))


def test_every_command_is_in_the_manuals_and_has_an_example(manuals: str) -> None:
    for name, command in main.commands.items():
        assert re.search(rf"mlops {name}\b", manuals), f"{name} is in no manual"
        shown = command.get_help(click.Context(command, info_name=name))
        assert re.search(rf"Examples?:\s.*mlops {name}", shown, re.DOTALL), f"{name} has no example"


def test_every_option_of_run_is_in_the_manuals(manuals: str) -> None:
    for option in main.commands["run"].params:
        if isinstance(option, click.Option):
            assert any(f" {name}" in manuals or f"`{name}`" in manuals for name in option.opts), option.opts


def test_every_command_in_the_manuals_is_known(manuals: str) -> None:
    for name in re.findall(r"\.venv/bin/mlops (\w[\w-]*)", manuals):
        assert name in main.commands
    for words in re.findall(r"mlops run ([\w|]+)", manuals):
        assert {*words.split("|")} <= {*PIPELINES}


def test_every_make_target_exists(manuals: str, project: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (project / "Makefile").read_text(), re.MULTILINE))
    named = {
        word for words in re.findall(r"^make ([a-z -]+?)(?:  |$)|`make ([a-z-]+)`", manuals, re.M) for word in words
    }
    named = {word for words in named for word in words.split()}
    assert {"run", "test", "stop"} <= named <= targets


def test_every_link_resolves(readme: str, project: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (project / target).exists(), target


def test_the_table_has_every_notebook_and_the_steps_every_pipeline(readme: str, project: Path) -> None:
    for notebook in list_tracked(project, "notebooks/*.ipynb"):
        assert f"[{notebook.stem}](notebooks/{notebook.name})" in readme
    for name in ("build", "retrain", "release"):
        assert f"| {name} | {', '.join(step.name for step in PIPELINES[name])} |" in readme


def test_the_exit_codes_are_those_of_the_help(manuals: str) -> None:
    shown = main.get_help(click.Context(main))
    for code in ("0", "1", "2", "130"):
        assert re.search(rf"^ +{code} +\w", shown, re.MULTILINE)
        assert f"\n| {code} | " in manuals
