"""The command that shows and ends warm kernels."""

import os
import sys

import click

from mlops.cli.options import json_option
from mlops.cli.streams import print_json
from mlops.kernels.running_parents import RunningParent, list_parents, stop_parents

MEGABYTE = 1_000_000


@click.command()
@click.option("--stop", is_flag=True, help="End the processes of this checkout, with all their kernels and commands.")
@click.option("--all", "everywhere", is_flag=True, help="With --stop: end the processes of all checkouts.")
@json_option
def kernels(stop: bool, everywhere: bool, as_json: bool) -> None:
    """Show the processes that warm kernels are forked from, and their memory, or end them.

    \b
    Examples:
      mlops kernels
      mlops kernels --stop
    """
    parents = stop_parents("" if everywhere else os.path.abspath(sys.executable)) if stop else list_parents()
    if as_json:
        print_json({"parents": parents})
        return
    for parent in parents:
        click.echo(_describe(parent, "stopped" if stop else "ready" if parent.ready else "importing"))
        for fork in () if stop else parent.forks:
            click.echo(f"  {fork.kind:<8} process {fork.pid:<8} {fork.memory / MEGABYTE:5.0f} MB")
    if not parents:
        where = " of this checkout" if stop and not everywhere else ""
        click.echo(f"no parent of warm kernels{where} is running; the next notebook starts one")


def _describe(parent: RunningParent, state: str) -> str:
    about = f"{parent.memory / MEGABYTE:5.0f} MB  {parent.age / 60:5.1f} minutes  {len(parent.forks)} forks"
    return f"{state:<10} process {parent.pid:<8} {about}  {parent.python}"
