"""How the user can call this program, for lines that are meant for copying."""

import sys
from pathlib import Path

import pytest

from mlops.cli.options import name_program


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program in the environment of a project, as the process that runs it."""
    path = tmp_path / "my project" / ".venv" / "bin" / "mlops"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(path), "status"])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(path.parents[2])
    return path


def test_the_program_is_named_by_its_path_in_the_current_folder(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_program() == ".venv/bin/mlops"
    monkeypatch.chdir(program.parent)
    assert name_program() == "./mlops"
    monkeypatch.chdir("/usr")
    assert name_program() == f"'{program}'"  # the shell would split it at the space


def test_a_program_that_the_shell_finds_is_named_as_it_was_typed(
    program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin")
    assert name_program() == "mlops"
    other = tmp_path / "mlops"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{program.parent}")
    assert name_program() == ".venv/bin/mlops"


@pytest.mark.usefixtures("program")
def test_a_module_is_named_by_the_python_that_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/mlops/__main__.py", "status"])
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3.11")
    assert name_program() == "/usr/bin/python3.11 -m mlops"
