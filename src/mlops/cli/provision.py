"""The command that sets a platform up, and deletes it."""

import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from mlops.cli.commands import EXIT_FAILED
from mlops.cli.options import json_option, name_program, open_platform, platform_option, quiet_option, shorten_path
from mlops.cli.progress.annotations import annotate_run, print_annotations
from mlops.cli.progress.following import find_following
from mlops.cli.progress.run import Progress, format_ending, summarize_run
from mlops.cli.runs import find_page
from mlops.cli.streams import print_json
from mlops.errors import MlopsError, UsageError
from mlops.operations.data import RefusedData, find_refused
from mlops.operations.opening import OpenProject
from mlops.operations.status import Status
from mlops.parameters.overrides import Override, read_override
from mlops.pipelines import PROVISION, find_data_step
from mlops.pipelines.advice import DATA_PARAMETER
from mlops.platform.infrastructure import Change, Infrastructure
from mlops.record.ledger import RunRecord

SIGNS = {"create": "+", "modify": "~", "delete": "-", "none": " "}


@click.command()
@platform_option
@click.option(
    "-p",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help=f"{DATA_PARAMETER}=FILE tests a data file and registers it as the next version of the data set.",
)
@click.option("--what-if", is_flag=True, help="Show what would change, without changing anything.")
@click.option("--delete", is_flag=True, help="Delete everything that was set up, including the data.")
@click.option("--yes", is_flag=True, help="With --delete: do not ask for confirmation.")
@quiet_option
@json_option
def provision(
    platform: str, given: tuple[str, ...], what_if: bool, delete: bool, yes: bool, quiet: bool, as_json: bool
) -> None:
    """Set up the platform, or update it after its settings change.

    This command tests the data and registers it as a version of the data set, creates missing resources, publishes the
    retraining pipeline, and sets its schedules. Run it again to register new data, or after you change the settings.

    \b
    Examples:
      mlops provision -p data_path=new.csv
      mlops provision --platform azure --what-if
      mlops provision --platform azure
      mlops provision --platform azure --delete
    """
    from mlops.operations.provisioning import preview_changes, require_infrastructure

    opened = open_platform(platform, map(_read_override, given))
    preview = preview_changes(opened, delete=delete)
    if what_if or delete or not (as_json or quiet):
        _show(preview, as_json, "Nothing to change." if what_if else "No resource changes.")
    if what_if:
        return
    if delete:
        _delete(require_infrastructure(opened), preview, yes)
    else:
        _provision(opened, quiet, as_json)


def _read_override(text: str) -> Override:
    data = find_data_step(PROVISION)
    name, equals, value = text.partition("=")
    if data and equals and name == data.takes_data:
        return Override(data.name, name, value, f"-p {name}", is_typed_text=True)
    return read_override(text)


def _delete(infrastructure: Infrastructure, preview: Sequence[Change], yes: bool) -> None:
    if not preview:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("--delete asks for confirmation, but there is no terminal to answer on. Add --yes.")
        if not click.confirm("Delete all of this, including the data?", err=True):
            click.echo("Nothing was deleted.", err=True)
            sys.exit(EXIT_FAILED)
    count = len(infrastructure.delete())
    click.echo(f"Deleted {count} resource{'s' if count != 1 else ''}.", err=True)


def _provision(opened: OpenProject, quiet: bool, as_json: bool) -> None:
    from mlops.operations.provisioning import provision_platform

    record = provision_platform(opened, [] if quiet else [Progress()])
    print_annotations(annotate_run(record, opened.workspace.project))
    if as_json:
        print_json(record)
    elif quiet:
        click.echo(format_ending(record))
    else:
        report = shorten_path(find_page(record, opened.workspace.outputs))
        following = find_following(record, name_program(), refused=_find_refused(record, opened))
        click.echo("\n" + summarize_run(record, Status(), report, name_program(), following))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)


def _find_refused(record: RunRecord, opened: OpenProject) -> RefusedData | None:
    with suppress(MlopsError):  # before the first provisioning, the platform may have no data set
        return find_refused(record, opened.backend.datasets)
    return None


def _show(changes: Sequence[Change], as_json: bool, unchanged: str) -> None:
    if as_json:
        print_json({"changes": changes})
        return
    width = max((len(change.resource) for change in changes), default=0)
    for change in changes:
        kind = "unchanged" if change.kind == "none" else change.kind
        click.echo(f"{SIGNS[change.kind]} {kind:<9} {change.resource:<{width}}  {change.name}")
    if all(change.kind == "none" for change in changes):
        click.echo(unchanged if changes else "Nothing to delete.")
