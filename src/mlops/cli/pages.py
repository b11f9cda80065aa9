"""Commands on the reports."""

import click

from mlops.workspace import find_workspace


@click.command()
def report() -> None:
    """Rewrite the index of all runs and print its path.

    \b
    Example:
      xdg-open "$(mlops report)"
    """
    from mlops.portal.index import write_index

    click.echo(write_index(find_workspace().outputs))
