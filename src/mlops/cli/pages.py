"""Commands on the reports."""

import click

from mlops.workspace import find_workspace


@click.command()
def report() -> None:
    """Write the index over all runs anew and print its path.

    \b
    Example:
      xdg-open "$(mlops report)"
    """
    from mlops.portal.index import write_index

    click.echo(write_index(find_workspace().outputs))
