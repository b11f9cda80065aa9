"""The command that shows the champion, the services and the last runs."""

import sys
from dataclasses import asdict

import click

from mlops.cli.commands import EXIT_FAILED
from mlops.cli.options import json_option, open_platform, platform_option
from mlops.cli.progress.annotations import disarm
from mlops.cli.streams import print_json
from mlops.operations.status import Status, read_status
from mlops.pipelines import ROLLBACK
from mlops.platform.services import ENVIRONMENTS, Service
from mlops.record.ledger import RunRecord
from mlops.record.summary import find_reason
from mlops.release.standing import Standing

SHOWN_RUNS = 10


@click.command()
@platform_option
@json_option
def status(platform: str, as_json: bool) -> None:
    """Show the champion, the services and the last runs. If a part of the state is damaged, the command names it and
    shows the rest.

    \b
    Examples:
      mlops status
      mlops status --json
    """
    found = read_status(open_platform(platform), SHOWN_RUNS)
    if as_json:
        print_json(_list_json(found))
    else:
        show_status(found)
    sys.exit(EXIT_FAILED if found.problems else 0)


def _list_json(found: Status) -> dict[str, object]:
    return {
        "champion": found.champion,
        "outdated": found.outdated,
        "misfit": found.misfit,
        "services": [
            {
                **asdict(standing.service),
                "model_name": standing.service.model_name,
                "serves_champion": standing.serves_champion,
                "remark": standing.remark,
            }
            for standing in found.standings
        ],
        "rollbacks": found.rollbacks,
        "runs": found.runs,
        "problems": found.problems,
    }


def show_status(found: Status) -> None:
    """Print a status as text."""
    click.echo(f"Champion:   {found.champion_title}")
    if found.outdated:
        click.echo(f"{'':<12}{found.outdated} `mlops run release{found.command_options}` creates a new one.")
    if found.misfit:
        click.echo(f"{'':<12}{found.misfit}")
    standings = {standing.service.environment: standing for standing in found.standings}
    told = ""
    for environment in ENVIRONMENTS if standings else ():
        first, *more = _describe_environment(found, standings.get(environment), told)
        click.echo("\n".join([f"{environment + ':':<12}{first}", *(f"{'':<12}{line}" for line in more)]))
        told += " ".join(more)
    if not standings:
        click.echo("Services:   none yet")
    for problem in found.problems:
        click.echo(disarm(f"mlops: {problem}"), err=True)
    for record in found.runs:
        click.echo(f"{record.started:<20}  {record.run_id:<36} {disarm(_describe_end(record))}")


def _describe_environment(found: Status, standing: Standing | None, told: str) -> list[str]:
    if standing is None:
        return ["nothing deployed yet"]
    service = standing.service
    if service.problem:
        return ["unreadable"]
    tested = f", test {service.tested}" if service.tested else ""
    address = f"{service.address}  " if service.address else ""
    although = found.find_redeployment(standing)
    again = f"It was deployed again, {although}." if although else ""
    runtime = f", runtime: {service.runtime}" if service.runtime else ""
    workers = f", {service.workers} workers" if service.workers > 1 else ""
    restarts = f", restarts: {service.restarts}" if service.restarts else ""
    shown = f"{address}{service.condition}, {found.name_model(service)}{tested}{runtime}{workers}{restarts}"
    return [shown, *filter(None, [again, standing.shorten_remark(told), _suggest_command(found, service)])]


def _suggest_command(found: Status, service: Service) -> str:
    is_usual = service.environment == ENVIRONMENTS[-1]
    if service.health == "unhealthy":
        named = "" if is_usual else f" --service {service.environment}"
        return f"`mlops logs{named}{found.command_options}` may say why."
    if service.health == "stopped" and not service.original:
        named = "" if is_usual else f" {service.environment}"
        return f"`mlops start{named}{found.command_options}` starts it again."
    return ""


def _describe_end(record: RunRecord) -> str:
    if record.state == "unreadable":
        return f"unreadable: {record.error}"
    if record.state == "newer":
        return record.error
    reason = find_reason(record) if record.pipeline == ROLLBACK else ""
    return f"{record.ending}: {reason}" if reason else record.ending
