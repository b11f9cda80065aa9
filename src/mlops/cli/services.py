"""Commands for the deployed services: keys, stop, rollback."""

import click

from mlops.cli.options import Choice, json_option, open_platform, platform_option
from mlops.cli.streams import print_json
from mlops.platform.services import ENVIRONMENTS
from mlops.record.summary import SERVES, TAKEN_OUT
from mlops.release.keys import read_keys


@click.command()
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


@click.command()
@platform_option
def stop(platform: str) -> None:
    """Stop the services; `mlops run` starts them again.

    \b
    Example:
      mlops stop
    """
    from mlops.operations.overview import refresh_index

    opened = open_platform(platform)
    for environment in ENVIRONMENTS:
        stopped = opened.backend.services.stop(environment)
        click.echo(f"{environment}: {'stopped' if stopped else 'was not running'}")
    refresh_index(opened)


@click.command()
@click.option("--environment", type=Choice(ENVIRONMENTS), default="production", show_default=True)
@click.option(
    "--reason", default="", metavar="TEXT", help="Your reason, recorded with your name and the time. [required]"
)
@click.option("--take-over", is_flag=True, help="Restore the previous image even if it belongs to a different model.")
@platform_option
@json_option
def rollback(environment: str, reason: str, take_over: bool, platform: str, as_json: bool) -> None:
    """Restore the previous image that passed its test, and record the rollback as a run.

    By default, the image must belong to the same model. With --take-over, it can belong to any model.

    A release does not deploy the rolled-back version again without --redeploy-rolled-back, even if it is the champion.
    If the restored image contains that version, too, a release refuses only the image that was rolled back.

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
