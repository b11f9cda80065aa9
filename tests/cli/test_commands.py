"""The table of commands: each is found, is listed once, and is imported only when it is asked for."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from mlops.cli import main
from mlops.cli.commands import COMMANDS, HIDDEN, SECTIONS


def test_every_entry_names_a_command_of_that_name() -> None:
    for name in COMMANDS:
        command = main.commands[name]
        assert isinstance(command, click.Command)
        assert command.name == name
        assert command.hidden is (name in HIDDEN)


def test_every_command_is_listed_in_the_help_once() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    for section in SECTIONS.values():
        for name, entry in section.items():
            assert [found.split() for found in shown.splitlines()].count([name, *entry.line.split()]) == 1
    assert "run-step" not in shown


def test_the_line_in_the_help_fits_a_narrow_terminal() -> None:
    shown = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    for section in SECTIONS.values():
        assert all(entry.line in shown for entry in section.values())


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_line_of_a_help_text_is_wider_than_a_terminal(name: str) -> None:
    shown = CliRunner().invoke(main, [*name.split(), "--help"], terminal_width=80).output
    assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_a_mistyped_command_is_answered_with_the_nearest_one() -> None:
    assert "Did you mean 'rollback'?" in CliRunner().invoke(main, ["rolback"]).output


def test_the_help_imports_no_command() -> None:
    script = (
        "import sys\nfrom mlops.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted(name for name in sys.modules if name.startswith('mlops.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['mlops.cli.commands', 'mlops.cli.streams']"


def test_a_missing_choice_is_named_on_one_line() -> None:
    shown = CliRunner().invoke(main, ["keys"]).output.splitlines()[-1]
    assert shown == "Error: Missing argument '{qa|production}'. Choose one of: qa, production."
