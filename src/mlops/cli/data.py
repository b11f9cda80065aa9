"""Commands that work on data files."""

from pathlib import Path

import click

from mlops.cli.options import OutputPath


@click.command()
@click.argument("data_file")
@click.option(
    "--output",
    type=OutputPath(),
    help="Write the profile to this file instead of printing it.",
)
def profile(data_file: str, output: Path | None) -> None:
    """Write a profile of a data file. The data test compares new data with this profile.

    \b
    Example:
      mlops profile good.csv --output src/diabetes/reference_profile.json
    """
    from mlops.data.profile import encode_profile, make_reference
    from mlops.data.tables import read_table
    from mlops.files.atomic import write_atomically

    content = encode_profile(make_reference(read_table(data_file).frame))
    if output:
        write_atomically(output, content)
    else:
        click.echo(content, nl=False)
