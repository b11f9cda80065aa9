"""Commands on the services."""

import click

from mlops.cli.options import json_option, open_platform, platform_option
from mlops.cli.streams import print_json
from mlops.platform.services import ENVIRONMENTS


@click.command()
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
@click.option("--primary", is_flag=True, help="Print the primary key and nothing else.")
@platform_option
@json_option
def keys(environment: str, primary: bool, platform: str, as_json: bool) -> None:
    """Print the keys of an environment's service; either opens it.

    \b
    Examples:
      mlops keys production
      curl -H "Authorization: Bearer $(mlops keys qa --primary)" ...
    """
    backend = open_platform(platform).backend
    first, second = backend.secrets.get_keys(environment)
    if as_json:
        print_json({"primary": first, "secondary": second})
    elif primary:
        click.echo(first)
    else:
        click.echo(f"primary    {first}\nsecondary  {second}")


@click.command()
@platform_option
def stop(platform: str) -> None:
    """End the services; `mlops run` starts them again.

    \b
    Example:
      mlops stop
    """
    backend = open_platform(platform).backend
    for environment in ENVIRONMENTS:
        click.echo(f"{environment}: {'stopped' if backend.services.stop(environment) else 'was not running'}")


@click.command()
@click.option("--environment", type=click.Choice(ENVIRONMENTS), default="production", show_default=True)
@platform_option
def rollback(environment: str, platform: str) -> None:
    """Serve again what passed its test before the present image.

    \b
    Example:
      mlops rollback
    """
    backend = open_platform(platform).backend
    service = backend.services.roll_back(environment)
    click.echo(f"{environment} serves {service.image} at {service.url} ({service.health})")
