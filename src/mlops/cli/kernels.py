"""The command that shows and ends warm kernels."""

import os
import sys

import click

from mlops.cli.options import json_option
from mlops.cli.streams import print_json
from mlops.errors import PlatformError
from mlops.kernels.parent_client import RETRY_SECONDS, find_key
from mlops.kernels.running_parents import RunningParent, list_failed_starts, list_parents, stop_parents
from mlops.kernels.socket_folder import UnavailableError
from mlops.parameters.kernel_section import SWITCH

MEGABYTE = 1_000_000
STOP = "`mlops kernels --stop`"


@click.command()
@click.option(
    "--stop", is_flag=True, help="End this checkout's parent processes, and the kernels and commands forked from them."
)
@click.option("--all", "everywhere", is_flag=True, help="With --stop: end the processes of all checkouts.")
@json_option
def kernels(stop: bool, everywhere: bool, as_json: bool) -> None:
    """Show or end the processes that warm kernels are forked from.

    \b
    Examples:
      mlops kernels
      mlops kernels --stop
    """
    try:
        parents = stop_parents("" if everywhere else os.path.abspath(sys.executable)) if stop else list_parents()
        failed_starts = list_failed_starts()
    except UnavailableError as error:
        raise PlatformError(str(error)) from error
    if as_json:
        print_json({"parents": parents})
        return
    for parent in parents:
        click.echo(_describe(parent, "stopped" if stop else _find_state(parent)))
        for fork in () if stop else parent.forks:
            click.echo(f"  {fork.kind:<8} process {fork.pid:<8} {fork.memory / MEGABYTE:5.0f} MB")
        if parent.problem and not stop:
            click.echo(f"  {parent.problem}")
    for reason in failed_starts:
        click.echo(reason)
        click.echo(
            f"Notebooks use fresh kernels for up to {RETRY_SECONDS / 60:g} minutes after this failure. "
            f"{STOP} clears the failure, so that the next notebook tries a warm kernel again."
        )
    if not parents and not failed_starts:
        click.echo(_explain_none(" of this checkout" if stop and not everywhere else "", stop))


def _find_state(parent: RunningParent) -> str:
    if parent.problem:
        return "cannot fork"
    return "ready" if parent.ready else "importing"


def _describe(parent: RunningParent, state: str) -> str:
    about = f"{parent.memory / MEGABYTE:5.0f} MB  {parent.age / 60:5.1f} minutes  {len(parent.forks)} forks"
    return f"{state:<11} process {parent.pid:<8} {about}  {parent.python}"


def _explain_none(where: str, stop: bool) -> str:
    said = f"No parent process of warm kernels{where} is running"
    if stop:
        return f"{said}."
    if sys.platform != "linux":
        return f"{said}, because warm kernels need Linux."
    if find_key() is None:
        return f"{said}, because warm kernels are switched off. Check {SWITCH} and kernels.warm in parameters/base.yml."
    return f"{said}. The next notebook starts one."
