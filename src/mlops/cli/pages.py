"""Commands on the reports."""

import click

from mlops.workspace import find_workspace


@click.command()
def report() -> None:
    """Rewrite the index of all runs and print its path. An index that cannot be rewritten is printed as it is.

    \b
    Example:
      xdg-open "$(mlops report)"
    """
    from mlops.portal.index import write_index

    outputs = find_workspace().outputs
    try:
        path = write_index(outputs)
    except OSError as error:
        path = outputs / "index.html"
        if not path.is_file():
            raise OSError(error.errno, error.strerror, str(path)) from error  # not the name of the scratch file
        click.echo(f"mlops: {path} could not be rewritten ({error.strerror}), so it may be out of date.", err=True)
    click.echo(path)
