"""The command that shows what is there."""

import json
from dataclasses import asdict

import click
import msgspec

from mlops.cli.options import json_option, open_platform, platform_option
from mlops.record.ledger import list_runs

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
    workspace, backend, model_name = open_platform(platform)
    champion = backend.registry.find_champion(model_name)
    services = backend.services.list_services()
    runs = list_runs(workspace.outputs)[:SHOWN_RUNS]
    if as_json:
        shown = {
            "champion": {**asdict(champion)} if champion else None,
            "services": [asdict(service) for service in services],
            "runs": [msgspec.to_builtins(record) for record in runs],
        }
        click.echo(json.dumps(shown, indent=1))
        return
    click.echo(f"Champion:   {champion.name} version {champion.version}" if champion else "Champion:   none yet")
    for service in services:
        tested = f", test {service.tested}" if service.tested else ""
        click.echo(f"{service.environment + ':':<12}{service.url}  {service.health}, {service.image}{tested}")
    if not services:
        click.echo("Services:   none yet")
    for record in runs:
        ended = record.error if record.state == "newer" else record.outcome or record.state
        click.echo(f"{record.started:<20}  {record.run_id:<32} {ended}")
