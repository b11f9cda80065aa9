"""Annotations for CI systems."""

import json
from pathlib import Path

import pytest

from mlops.cli.progress.annotations import Annotation, annotate_run, disarm, find_line, format_annotation
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.processes import own_process

AZURE, GITHUB = {"TF_BUILD": "True"}, {"GITHUB_ACTIONS": "true"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one notebook of two cells."""
    (tmp_path / "notebooks").mkdir()
    cells = [{"source": ["x = 1\n"]}, {"source": ["\n", 'y = "a"\n', "assert x == y"]}]
    (tmp_path / "notebooks" / "02_train.ipynb").write_text(json.dumps({"cells": cells}, indent=1))
    return tmp_path


def make_run(error: str, cell: str = 'y = "a"', line: int = 2) -> RunRecord:
    """Return a run whose training failed."""
    step = StepRecord("train", "02_train", state="failed", error=error, cell=cell, line=line)
    return RunRecord("run", "retrain", "local", "failed", "", "", own_process(), (step,), outcome="error")


def test_an_annotation_names_file_cell_and_line(project: Path) -> None:
    (found,) = annotate_run(make_run("AssertionError in the cell that begins 'y = \"a\"': no"), project)
    lines = (project / found.file).read_text().splitlines()
    assert lines[found.line - 1].strip() == '"assert x == y"'
    assert found.message == "train: AssertionError in the cell that begins 'y = \"a\"': no"
    assert format_annotation(found, AZURE) == (
        f"##vso[task.logissue type=error;sourcepath=notebooks/02_train.ipynb;linenumber={found.line};]{found.message}"
    )
    assert format_annotation(found, GITHUB) == (
        f"::error file=notebooks/02_train.ipynb,line={found.line}::{found.message}"
    )
    assert format_annotation(found, {}) == ""


def test_a_cell_that_is_not_in_the_notebook_has_no_line(project: Path) -> None:
    notebook = project / "notebooks" / "02_train.ipynb"
    assert find_line(notebook, "assert x…") == find_line(notebook, "assert x == y") > 0
    assert (find_line(notebook, "# Parameters"), find_line(notebook, ""), find_line(project / "none", "x")) == (0, 0, 0)


def test_a_message_is_one_command_whatever_it_holds() -> None:
    attack = "50 %\r\n##vso[task.setvariable variable=x]y\n::set-env name=x::y\n::error::z"
    shown = "%0A##vso[task.setvariable variable=x]y%0A::set-env name=x::y%0A::error::z"
    annotation = Annotation(attack, "a;b],c:d.ipynb", 3)
    place = "sourcepath=a%3Bb%5D,c:d.ipynb;linenumber=3;"
    assert format_annotation(annotation, AZURE) == f"##vso[task.logissue type=error;{place}]50 %AZP25{shown}"
    assert format_annotation(annotation, GITHUB) == f"::error file=a;b]%2Cc%3Ad.ipynb,line=3::50 %25{shown}"


def test_an_error_outside_of_a_step_has_no_file(project: Path) -> None:
    run = RunRecord("run", "retrain", "local", "failed", "", "", own_process(), (), error="OSError: disk full")
    (found,) = annotate_run(run, project)
    assert format_annotation(found, GITHUB) == "::error::OSError: disk full"
    assert format_annotation(found, AZURE) == "##vso[task.logissue type=error;]OSError: disk full"


def test_what_a_notebook_printed_is_no_command() -> None:
    text = "ValueError: ##vso[task.complete result=Succeeded;] and ::set-output name=a::b"
    for environ in (AZURE, GITHUB):
        said = disarm(text, environ)
        assert not any(command in said for command in ("##vso[", "::"))
    assert disarm(text, {}) == text


def test_control_characters_of_a_data_file_are_escaped() -> None:
    text = "ValueError: column 'age\x08\x1b[2J' is not\r\tknown\n"
    shown = r"ValueError: column 'age\x08\x1b[2J' is not\r" + "\tknown\n"
    assert disarm(text, {}) == disarm(text, GITHUB) == shown
    assert format_annotation(Annotation(text), GITHUB) == f"::error::{shown}".replace("\n", "%0A")
