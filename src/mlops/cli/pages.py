"""Commands that write or serve pages."""

import subprocess
import sys
from typing import TYPE_CHECKING

import click

from mlops.cli.commands import EXIT_INTERRUPTED
from mlops.cli.options import open_platform, platform_option
from mlops.errors import MlopsError
from mlops.workspace import find_workspace

if TYPE_CHECKING:
    from mlops.portal.environments import Overview


@click.command()
@platform_option
def report(platform: str) -> None:
    """Rewrite the index of all runs and print its path.

    If the index cannot be rewritten, print the path of the old index.

    \b
    Example:
      xdg-open "$(mlops report)"
    """
    from mlops.portal.index import write_index

    outputs = find_workspace().outputs
    try:
        path = write_index(outputs, _read_overview_or_error(platform))
    except OSError as error:
        path = outputs / "index.html"
        if not path.is_file():
            raise OSError(error.errno, error.strerror, str(path)) from error  # `error` names a temporary file
        click.echo(f"mlops: {path} could not be rewritten ({error.strerror}), so it may be out of date.", err=True)
    click.echo(path)


def _read_overview_or_error(platform: str) -> "Overview":
    from mlops.operations.overview import read_overview
    from mlops.portal.environments import Overview

    try:
        return read_overview(open_platform(platform))
    except MlopsError as error:
        return Overview(problems=(str(error),))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="[OPTION OF MLFLOW]...", nargs=-1, type=click.UNPROCESSED)
@platform_option
def ui(arguments: tuple[str, ...], platform: str) -> None:
    """Serve MLflow's page of all trainings until you press Ctrl-C.

    This command checks the database first, and passes unknown options to `mlflow ui`. It needs MLflow's server, which
    `make ui` installs.

    \b
    Examples:
      mlops ui
      mlops ui --port 5001
    """
    backend = open_platform(platform).backend
    command = backend.require(backend.tracking_page, "a page of its own for trainings").find_command(arguments)
    try:
        sys.exit(subprocess.run(command, check=False).returncode)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
