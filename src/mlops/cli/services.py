"""Commands for the deployed services: keys, logs, start, stop, rollback."""

import sys
import time
from contextlib import suppress

import click

from mlops.cli.commands import EXIT_FAILED
from mlops.cli.options import Choice, ServiceCommand, json_option, open_platform, platform_option
from mlops.cli.progress.annotations import disarm
from mlops.cli.streams import print_json, print_json_line
from mlops.platform.services import ENVIRONMENTS
from mlops.record.summary import SERVES, TAKEN_OUT
from mlops.release.keys import read_keys
from mlops.serving.log import describe_line, read_line

WATCH_SECONDS = 1.0


@click.command(cls=ServiceCommand)
@click.argument("environment", type=Choice(ENVIRONMENTS))
@click.option("--primary", is_flag=True, help="Print only the primary key.")
@click.option("--rotate", is_flag=True, help="First create a new primary key; the old one becomes the secondary key.")
@platform_option
@json_option
def keys(environment: str, primary: bool, rotate: bool, platform: str, as_json: bool) -> None:
    """Print the two keys of an environment's service. The service accepts either key.

    After --rotate, the old primary key still works until the next rotation, so that clients have time to change. Rotate
    twice to lock out a key that has leaked.

    \b
    Examples:
      mlops keys production
      mlops keys production --rotate
      curl -H "Authorization: Bearer $(mlops keys qa --primary)" ...
    """
    opened = open_platform(platform)
    if rotate:
        from mlops.operations.overview import refresh_index

        opened.backend.services.rotate_keys(environment)
        refresh_index(opened)
    first, second = read_keys(opened.backend.secrets, opened.backend.services, environment)
    if as_json:
        print_json({"primary": first, "secondary": second})
    elif primary:
        click.echo(first)
    else:
        click.echo(f"primary    {first}\nsecondary  {second}")


@click.command(cls=ServiceCommand)
@click.option(
    "--service", "--environment", "environment", type=Choice(ENVIRONMENTS), default="production", show_default=True
)
@click.option("--lines", type=click.IntRange(0), default=50, show_default=True, help="Number of last lines to print.")
@click.option("-f", "--follow", is_flag=True, help="Print new lines until Ctrl-C, even those of later deployments.")
@platform_option
@json_option
def logs(environment: str, lines: int, follow: bool, platform: str, as_json: bool) -> None:
    """Print the log of a service. It contains neither keys nor rows, unless the scoring script prints them.

    \b
    Examples:
      mlops logs --service qa
      mlops logs --follow --lines 5
      mlops logs --json | jq 'select(.level == "error")'
    """
    backend = open_platform(platform).backend
    found = backend.require(backend.logs, "reading the log of a service")
    read = found.follow_log if follow else found.read_log
    with suppress(KeyboardInterrupt):
        for line in read(environment, lines):
            if as_json:
                print_json_line(read_line(line))
            else:
                click.echo(disarm(describe_line(line)))


@click.command(cls=ServiceCommand)
@click.argument("environment", type=Choice(ENVIRONMENTS), default="production")
@click.option("--foreground", is_flag=True, help="Wait until the service ends. Exit with 1 if it died.")
@platform_option
def start(environment: str, foreground: bool, platform: str) -> None:
    """Start a service that was stopped or died, with the image that it served last.

    With --foreground, systemd can start the service after a reboot, and again if it dies (docs/operations.md).

    \b
    Examples:
      mlops start
      mlops start production --foreground
    """
    from mlops.operations.overview import refresh_index

    opened = open_platform(platform)
    backend = opened.backend
    started = backend.services.start(environment)
    click.echo(f"{environment}: {f'started at {started.url}' if started else 'was running'}")
    refresh_index(opened)
    if not foreground:
        return
    processes = backend.require(backend.processes, "waiting for a service")
    while processes.find_state(environment) == "running":
        time.sleep(WATCH_SECONDS)
    if processes.find_state(environment) == "died":
        click.echo(f"{environment}: died", err=True)
        sys.exit(EXIT_FAILED)


@click.command(cls=ServiceCommand)
@click.argument("environment", type=Choice(ENVIRONMENTS), nargs=-1)
@platform_option
def stop(environment: tuple[str, ...], platform: str) -> None:
    """Stop the services, or those that you name. `mlops start` starts a service again.

    \b
    Examples:
      mlops stop
      mlops stop qa
    """
    from mlops.operations.overview import refresh_index

    opened = open_platform(platform)
    for name in dict.fromkeys(environment) or ENVIRONMENTS:
        stopped = opened.backend.services.stop(name)
        click.echo(f"{name}: {'stopped' if stopped else 'was not running'}")
    refresh_index(opened)


@click.command(cls=ServiceCommand)
@click.option("--environment", type=Choice(ENVIRONMENTS), default="production", show_default=True)
@click.option(
    "--reason", default="", metavar="TEXT", help="Your reason, recorded with your name and the time. [required]"
)
@click.option("--take-over", is_flag=True, help="Restore the previous image even if it belongs to a different model.")
@platform_option
@json_option
def rollback(environment: str, reason: str, take_over: bool, platform: str, as_json: bool) -> None:
    """Restore the previous image that passed its test, and record the rollback as a run.

    By default, the image must belong to the model that is deployed now. With --take-over, it can belong to any model.

    Afterwards, a release refuses to deploy the replaced version, even if it is the champion, unless you pass
    --redeploy-rolled-back. If both images contain the same version, a release refuses only the replaced image.

    \b
    Examples:
      mlops rollback --reason "predictions drop on Mondays"
      mlops rollback --environment qa --reason "wrong data"
      mlops rollback --take-over --reason "the new model was released by mistake"
    """
    from mlops.operations.rolling_back import explain_next_release, roll_back

    opened = open_platform(platform)
    record = roll_back(opened, environment, reason, take_over=take_over)
    if as_json:
        print_json(record)
        return
    click.echo(f"{environment} serves {record.result(SERVES)} again. {record.result(TAKEN_OUT)} was rolled back.")
    click.echo(explain_next_release(opened, record))
