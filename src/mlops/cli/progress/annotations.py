"""Annotations that show failures in a CI system, with notebook, cell and line."""

# Annotations are printed on standard error, so that standard output contains only results.

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from mlops.record.ledger import RunRecord
from mlops.record.redaction.terminal import escape_controls

AZURE, GITHUB = "TF_BUILD", "GITHUB_ACTIONS"  # the environment variables that identify the two CI systems
CUT = "…"
COMMANDS = ("##vso[", "##[", "::")  # a line of output with one of these prefixes is a command to the CI system


@dataclass(frozen=True)
class Annotation:
    """The message of a failure, with the file and the line of the failure if they are known."""

    message: str
    file: str = ""
    line: int = 0


def annotate_run(run: RunRecord, project: Path) -> Iterator[Annotation]:
    """Yield an annotation for each failed step of a run or, if no step failed, for the run's error.

    Parameters
    ----------
    run : RunRecord
        A finished run. The secrets in its record are already redacted.
    project : Path
        The folder of the project. Its notebooks are in ``notebooks/``.
    """
    failed = [step for step in run.steps if step.state == "failed"]
    for step in failed:
        notebook = f"notebooks/{step.notebook}.ipynb"
        yield Annotation(f"{step.name}: {step.error}", notebook, find_line(project / notebook, step.cell, step.line))
    if run.error and not failed:
        yield Annotation(run.error)


def print_annotations(annotations: Iterable[Annotation]) -> None:
    """Print annotations on standard error, if a CI system reads them."""
    for annotation in annotations:
        if text := format_annotation(annotation):
            click.echo(text, err=True)


def find_line(notebook: Path, cell: str, line: int = 0) -> int:
    """Return where a line of a cell is in the notebook's file.

    Parameters
    ----------
    notebook : Path
        A notebook in Jupyter's layout, with each line of a cell on its own line.
    cell : str
        The first line of the cell.
    line : int
        The number of the line in the cell, counted from 1. 0 also means the first line.

    Returns
    -------
    int
        The number of the line in the file, counted from 1. 0 if the notebook has no such cell.
    """
    if not cell or not notebook.is_file():
        return 0
    for number, text in enumerate(notebook.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if _is_begin_of(_read_json_string(text).strip(), cell):
            return number + max(0, line - 1)
    return 0


def _is_begin_of(source: str, cell: str) -> bool:
    return source.startswith(cell.removesuffix(CUT)) if cell.endswith(CUT) else source == cell


def format_annotation(annotation: Annotation, environ: Mapping[str, str] = os.environ) -> str:
    """Return an annotation in the format of the current CI system, or "" if no known CI system runs this process."""
    if environ.get(AZURE):
        place = f"sourcepath={_escape(annotation.file, ';]')};" if annotation.file else ""
        place += f"linenumber={annotation.line};" if annotation.line else ""
        return f"##vso[task.logissue type=error;{place}]{_escape(annotation.message, percent='%AZP25')}"
    if environ.get(GITHUB):
        place = f"file={_escape(annotation.file, ':,')}" if annotation.file else ""
        place += f",line={annotation.line}" if annotation.line else ""
        return f"::error {place}".rstrip() + f"::{_escape(annotation.message)}"
    return ""


def disarm(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return text from a notebook or a data file, changed so that no terminal or CI system finds a command in it."""
    text = escape_controls(text)
    if not (environ.get(AZURE) or environ.get(GITHUB)):
        return text
    for command in COMMANDS:
        text = text.replace(command, f"{command[0]} {command[1:]}")
    return text


def _escape(text: str, separators: str = "", percent: str = "%25") -> str:
    escaped = escape_controls(text.replace("\r\n", "\n")).replace("%", percent)
    for character in f"\n{separators}":
        escaped = escaped.replace(character, f"%{ord(character):02X}")
    return escaped


def _read_json_string(text: str) -> str:
    try:
        found = json.loads(text.strip().removesuffix(","))
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""
