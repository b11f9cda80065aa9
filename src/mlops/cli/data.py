"""Commands that work on data files."""

from pathlib import Path

import click

from mlops.cli.options import OutputPath, scheduler_option


@click.command()
@click.argument("data_file")
@click.option(
    "--output",
    type=OutputPath(),
    help="Write the profile to this file instead of printing it.",
)
@scheduler_option
def profile(data_file: str, output: Path | None, scheduler: str) -> None:
    """Write a profile of a data file. The data test compares new data with this profile.

    DATA_FILE is a CSV or Parquet file, or a folder of Parquet files. With --scheduler, the workers of a Dask cluster
    read the files of a folder side by side. Each worker must find the files at the same path or URL. The profile
    is the same as without a cluster.

    \b
    Examples:
      mlops profile good.csv --output src/churn/reference_profile.json
      mlops profile /shared/data --scheduler tcp://HOST:8786 --output profile.json
    """
    from mlops.cluster.profile import profile_file
    from mlops.data.profile import encode_profile
    from mlops.files.atomic import write_atomically

    content = encode_profile(profile_file(data_file, scheduler))
    if output:
        write_atomically(output, content)
    else:
        click.echo(content, nl=False)
