"""Commands that check the notebooks."""

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops.cli.commands import EXIT_FAILED, EXIT_USAGE
from mlops.cli.options import OutputPath, json_option, quiet_option, shorten_path
from mlops.cli.progress.annotations import Annotation, disarm, find_line, print_annotations
from mlops.cli.streams import print_json
from mlops.files.atomic import write_atomically
from mlops.workspace import find_workspace

if TYPE_CHECKING:
    from mlops.regression.check import Verdict
    from mlops.regression.comparison import Comparison

SHOWN = 4  # maximum number of differences to print per cell; --json and --junit list all


@click.command("check-notebooks")
@click.argument("run", default="")
@click.option("--junit", type=OutputPath(), help="Also write the result to this JUnit XML file.")
@quiet_option
@json_option
def check_notebooks(run: str, junit: Path | None, quiet: bool, as_json: bool) -> None:
    """Compare the executed notebooks of a run with the committed ones.

    Nothing is executed. RUN is the id or the folder of a run. The default is the newest run that succeeded. The
    metadata of the notebooks lists the results to compare and their tolerances. The exit code is 1 if anything differs,
    and 2 if nothing can be compared.

    \b
    Examples:
      mlops check-notebooks
      mlops check-notebooks outputs/20261122-190758-all-3f9a51c2
      mlops check-notebooks --junit notebooks.xml
    """
    from mlops.regression.check import check_run, find_run

    workspace = find_workspace()
    verdict = check_run(find_run(workspace.outputs, run), workspace.notebooks)
    if junit:
        from mlops.regression.junit import format_junit

        write_atomically(junit, format_junit(verdict))
    print_annotations(_annotate(verdict, workspace.project))
    if as_json:
        print_json(verdict)
    else:
        described = [*_describe(verdict, shorten_path(workspace.notebooks), quiet), *_conclude(verdict)]
        click.echo(disarm("\n".join(described)))
    sys.exit(0 if verdict.same else EXIT_USAGE if verdict.is_empty else EXIT_FAILED)


def _annotate(verdict: "Verdict", project: Path) -> Iterator[Annotation]:
    if verdict.is_empty:
        yield Annotation(" ".join(_conclude(verdict)))
    for found in verdict.notebooks:
        notebook = f"notebooks/{found.notebook.partition('-')[0]}.ipynb"
        for cell, group in groupby(found.differences, key=lambda difference: difference.cell):
            first, *others = group
            more = f", and {len(others)} more" if others else ""
            message = f"{first}{more}. {verdict.advice}"
            yield Annotation(message, notebook, find_line(project / notebook, cell))


def _describe(verdict: "Verdict", notebooks: str, quiet: bool) -> Iterator[str]:
    if not quiet:
        yield f"Run {verdict.run_id} and {notebooks}/, compared in {verdict.seconds:.1f} s\n"
    for found in verdict.notebooks:
        if found.differences or verdict.is_empty or not quiet:
            yield from _describe_notebook(found)
    if not quiet:
        yield ""


def _conclude(verdict: "Verdict") -> Iterator[str]:
    compared, differing = (
        sum(counts) for counts in zip(*((found.compared, found.differing) for found in verdict.notebooks), strict=True)
    )
    failed = sum(bool(found.differences and found.skipped) for found in verdict.notebooks)
    if verdict.is_empty:
        yield f"No output of run {verdict.run_id} was compared, so the run shows nothing about the notebooks."
    if verdict.same:
        outputs = f"All {compared} compared outputs are" if compared > 1 else "The compared output is"
        yield f"{outputs} the same."
    if differing:
        yield f"{differing} of {_count(compared, 'compared output')} differ{'s' * (differing == 1)}."
    if failed:
        yield f"{failed} of {_count(len(verdict.notebooks), 'notebook')} could not be compared."
    if verdict.advice:
        yield verdict.advice


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _describe_notebook(found: "Comparison") -> Iterator[str]:
    sign = "✗" if found.differences else "–" if found.skipped else "✓"
    count = f"{found.compared} compared, {found.differing or 'none'} differ{'s' * (found.differing == 1)}"
    yield f"{sign} {found.notebook:<27} {found.skipped or count}"
    yield from (f"    note: {note}" for note in found.notes)
    for _, group in groupby(found.differences, key=lambda difference: difference.cell):
        differences = list(group)
        yield from (f"    {difference}" for difference in differences[:SHOWN])
        if len(differences) > SHOWN:
            yield f"        and {len(differences) - SHOWN} more like these; --json lists all"
