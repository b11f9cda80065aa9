"""The command that shows the champion, the services and the last runs."""

import click

from mlops.cli.options import json_option, open_platform, platform_option
from mlops.cli.streams import print_json
from mlops.operations.status import read_status

SHOWN_RUNS = 10


@click.command()
@platform_option
@json_option
def status(platform: str, as_json: bool) -> None:
    """Show the champion, the services and the last runs.

    \b
    Examples:
      mlops status
      mlops status --json
    """
    found = read_status(open_platform(platform), SHOWN_RUNS)
    champion = found.champion
    if as_json:
        print_json({"champion": champion, "services": found.services, "runs": found.runs})
        return
    click.echo(f"Champion:   {champion.name} version {champion.version}" if champion else "Champion:   none yet")
    for service in found.services:
        tested = f", test {service.tested}" if service.tested else ""
        click.echo(f"{service.environment + ':':<12}{service.url}  {service.health}, {service.image}{tested}")
    if not found.services:
        click.echo("Services:   none yet")
    for record in found.runs:
        ended = record.error if record.state == "newer" else record.outcome or record.state
        click.echo(f"{record.started:<20}  {record.run_id:<36} {ended}")
