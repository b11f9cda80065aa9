"""Commands that maintain MLOPS_HOME: delete old state, and upgrade state that an older version wrote."""

import re
import time
from collections.abc import Iterator
from dataclasses import asdict

import click

from mlops.cli.options import json_option, open_platform, platform_option
from mlops.cli.streams import print_json
from mlops.operations.upkeep.pruning import Pruning, preview_pruning
from mlops.operations.upkeep.pruning import prune as prune_project
from mlops.operations.upkeep.upgrade import upgrade_home
from mlops.record.clock import to_iso

SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}
MEGABYTE = 1_000_000


class Age(click.ParamType[float]):
    """An option type for an age in hours, days or weeks, such as "30d". The converted value is in seconds."""

    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert the typed text to seconds."""
        found = re.fullmatch(r"(\d{1,6})([hdw])", str(value))
        if not found:
            self.fail(f"{value!r} is not an age. Write hours, days or weeks: 12h, 30d, 8w.", param, ctx)
        return int(found[1]) * SECONDS[found[2]]


@click.command()
@click.option(
    "--older-than", type=Age(), required=True, metavar="AGE", help="Minimum age, in hours, days or weeks: 12h, 30d, 8w."
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, without deleting anything.")
@platform_option
@json_option
def prune(older_than: float, dry_run: bool, platform: str, as_json: bool) -> None:
    """Delete old runs, images, folders of services, staged data, and files of warm kernels.

    This command keeps the champion, deployed images, images that a rollback can restore, runs in progress, and
    everything that a remaining run refers to. Trainings and their rows, model versions and versions of the data set
    are never deleted. On Azure, only local runs and files of warm kernels are deleted.

    \b
    Examples:
      mlops prune --older-than 30d --dry-run
      mlops prune --older-than 30d
    """
    opened = open_platform(platform)
    before = time.time() - older_than
    found = preview_pruning(opened, before) if dry_run else prune_project(opened, before)
    if as_json:
        leftovers = [{**asdict(old), "last_used": to_iso(old.last_used)} for old in found.leftovers]
        print_json({"deleted": not dry_run, "leftovers": leftovers})
    else:
        click.echo("\n".join(_describe(found, dry_run, opened.backend.name)))


def _describe(found: Pruning, dry_run: bool, platform: str) -> Iterator[str]:
    for leftover in found.leftovers:
        last, size = to_iso(leftover.last_used)[:10], leftover.size / MEGABYTE
        yield f"- {leftover.kind:<14}  {leftover.name:<45}  last used {last}  {size:8.1f} MB".rstrip()
    total = sum(leftover.size for leftover in found.leftovers) / MEGABYTE
    if not found.leftovers:
        yield "Nothing to delete: everything is newer or still needed."
    elif dry_run:
        yield f"{total:.1f} MB would be deleted. Run the command without --dry-run to delete them."
    else:
        yield f"{total:.1f} MB deleted."
    if found.platform_left_alone:
        yield f"The images, services, models and data sets of {platform} were left alone."


@click.command()
@platform_option
def upgrade(platform: str) -> None:
    """Back up and upgrade state that an older version wrote.

    This command copies MLOPS_HOME to a new folder beside it, then upgrades MLflow's database and the format of
    MLOPS_HOME. Services keep serving.

    \b
    Example:
      mlops upgrade
    """
    opened = open_platform(platform)
    for line in upgrade_home(opened.workspace, opened.backend.services, opened.backend.upgrades):
        click.echo(line)
