"""The command that upgrades MLOPS_HOME."""

import click

from mlops.cli.options import open_platform, platform_option
from mlops.operations.upgrade import upgrade_home


@click.command()
@platform_option
def upgrade(platform: str) -> None:
    """Upgrade the state of an older version, after a backup.

    Copies MLOPS_HOME beside itself, then upgrades MLflow's database and the format of the home. Services keep serving.

    \b
    Example:
      mlops upgrade
    """
    opened = open_platform(platform)
    for line in upgrade_home(opened.workspace, opened.backend.services, opened.backend.upgrades):
        click.echo(line)
