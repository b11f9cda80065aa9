"""Commands that work on data files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops.cli.options import OutputPath, scheduler_option
from mlops.workspace import find_workspace

if TYPE_CHECKING:
    from mlops.problem import Column


@click.command()
@click.argument("data_file")
@click.option(
    "--output",
    type=OutputPath(),
    help="Write to this file instead of printing.",
)
@scheduler_option
@click.option("--propose", is_flag=True, help="Propose a declaration of the columns instead of writing a profile.")
@click.option("--target", default="", metavar="NAME", help="With --propose: the column to predict. [default: the last]")
def profile(data_file: str, output: Path | None, scheduler: str, propose: bool, target: str) -> None:
    """Write a profile of a data file. The data test compares new data with this profile.

    DATA_FILE is a CSV or Parquet file, or a folder of Parquet files. Columns are read as the kinds that the problem
    declares. The kinds of other columns are inferred. With --scheduler, the workers of a Dask cluster read the files
    of a folder in parallel. Each worker must find the files at the same path or URL. The profile is the same as
    without a cluster.

    With --propose, print a declaration to paste into the package of a problem: kinds, roles, ranges, allowed values
    and shares of missing values. Check every line, because the proposal is based only on the values in the file.

    \b
    Examples:
      mlops profile good.csv --output src/churn/reference_profile.json
      mlops profile good.csv --propose --target churned
      mlops profile /shared/data --scheduler tcp://HOST:8786 --output profile.json
    """
    from mlops.cluster.profile import profile_file
    from mlops.data.kinds.proposal import propose_declaration
    from mlops.data.profile import encode_profile
    from mlops.files.atomic import write_atomically

    if propose and scheduler:
        raise click.UsageError("--propose reads the file on this machine. Leave out --scheduler.")
    if target and not propose:
        raise click.UsageError("--target is valid only with --propose. Add --propose.")
    if propose:
        content = propose_declaration(data_file, target).encode()
    else:
        content = encode_profile(profile_file(data_file, scheduler, _read_declared_columns()))
    if output:
        write_atomically(output, content)
    else:
        click.echo(content, nl=False)


def _read_declared_columns() -> "tuple[Column, ...]":
    from mlops.parameters.layers import read_layer
    from mlops.problem import load

    name = read_layer(find_workspace().project / "parameters" / "base.yml").problem
    return load(name).columns if name else ()
