"""The command that sets a platform up, and takes it away."""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import click
import msgspec

from mlops.backends import open_backend
from mlops.cli.options import EXIT_FAILED, json_option, platform_option, shorten_path
from mlops.cli.run_progress import summarize_run
from mlops.cli.runs import prepare_run
from mlops.errors import UsageError, WorkspaceNotFoundError
from mlops.parameters.merging import Parameters
from mlops.parameters.overrides import check_overrides, read_override
from mlops.parameters.project import Project
from mlops.pipelines import PIPELINES, find_data_step
from mlops.platform.backend import Backend
from mlops.platform.infrastructure import Change, Infrastructure
from mlops.workspace import find_workspace

SIGNS = {"create": "+", "modify": "~", "delete": "-", "none": " "}
PIPELINE = "provision"


@click.command()
@platform_option
@click.option(
    "-p",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="data_path=FILE tests a data file and registers it as the next version of the data set.",
)
@click.option("--what-if", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--delete", is_flag=True, help="Take away all that was set up, with the data in it.")
@click.option("--yes", is_flag=True, help="Do not ask before --delete.")
@json_option
def provision(platform: str, given: tuple[str, ...], what_if: bool, delete: bool, yes: bool, as_json: bool) -> None:
    """Set the platform up: once, and again whenever its settings change.

    Tests the data and registers it as a version of the data set, makes what is missing, publishes the retraining
    pipeline, and sets its schedules. Run it again to register new data, or after the settings have changed.

    \b
    Examples:
      mlops provision -p data_path=new.csv
      mlops provision --platform azure --what-if
      mlops provision --platform azure
      mlops provision --platform azure --delete
    """
    project = Project.load(find_workspace())
    data = find_data_step(PIPELINES[PIPELINE])
    texts = [f"{data.name}.{text}" if data and text.startswith(f"{data.takes_data}=") else text for text in given]
    overrides = [read_override(text) for text in texts]
    check_overrides(overrides, PIPELINE, PIPELINES[PIPELINE])
    parameters = project.merge(overrides, platform)
    backend = open_backend(parameters.platform, project.workspace)
    infrastructure = backend.require(backend.infrastructure, "infrastructure to set up")
    preview = infrastructure.preview_delete() if delete else infrastructure.preview()
    if what_if or delete or not as_json:
        _show(preview, as_json)
    if what_if:
        return
    if delete:
        _delete(infrastructure, preview, yes)
    else:
        _provision(project, backend, parameters, as_json)


def _delete(infrastructure: Infrastructure, preview: Sequence[Change], yes: bool) -> None:
    if not preview:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("--delete asks before it takes anything away, and nobody is here to answer: add --yes")
        if not click.confirm("Take all of this away, with the data in it?", err=True):
            click.echo("nothing was taken away", err=True)
            sys.exit(EXIT_FAILED)
    count = len(infrastructure.delete())
    click.echo(f"taken away: {count}", err=True)


def _provision(project: Project, backend: Backend, parameters: Parameters, as_json: bool) -> None:
    from mlops.runner import Plan, run_pipeline

    def list_secrets() -> Iterable[str]:
        with suppress(WorkspaceNotFoundError):  # before the first time, only the environment has secrets
            yield from backend.secrets.list_values()

    around = replace(prepare_run(project, backend, parameters, None), secrets=list_secrets)
    record = run_pipeline(Plan(PIPELINE, PIPELINES[PIPELINE], parameters), around)
    if as_json:
        click.echo(msgspec.json.encode(record).decode())
    else:
        report = shorten_path(project.workspace.outputs / "index.html")
        click.echo("\n" + summarize_run(record, None, (), report, shorten_path(Path(sys.argv[0]))))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)


def _show(changes: Sequence[Change], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(change) for change in changes]))
        return
    width = max((len(change.resource) for change in changes), default=0)
    for change in changes:
        click.echo(f"{SIGNS[change.kind]} {change.kind:<7} {change.resource:<{width}}  {change.name}")
    if all(change.kind == "none" for change in changes):
        click.echo("nothing to change" if changes else "nothing is there")
