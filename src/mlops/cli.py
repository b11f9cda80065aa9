"""The command line: reads options, calls the rest, prints. Exit codes: 0 done, 1 a step failed, 2 bad usage."""

import json
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import msgspec

from mlops.backends import list_platforms, open_backend
from mlops.backends.base import ENVIRONMENTS, Backend, Service
from mlops.errors import MlopsError, UsageError
from mlops.ledger import RunRecord, list_runs
from mlops.parameters import Parameters, check_overrides, load_parameters
from mlops.pipelines import PIPELINES, Step
from mlops.terminal import Progress, summarize_run
from mlops.workspace import Workspace, find_workspace

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
ALL_STEPS = PIPELINES["all"]
SHOWN_RUNS = 10

platform_option = click.option(
    "--platform", default="", metavar="NAME", help=f"Where to: {', '.join(list_platforms())}. [default: as in base.yml]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


class Commands(click.Group):
    """The group, with the errors of this platform as one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"mlops: {error}", err=True)
            ctx.exit(EXIT_USAGE)
        except MlopsError as error:
            click.echo(f"mlops: {error}", err=True)
            ctx.exit(EXIT_FAILED)
        except OSError as error:
            click.echo(f"mlops: {error}", err=True)
            ctx.exit(EXIT_FAILED)
        except KeyboardInterrupt:
            click.echo("mlops: interrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="notebook-mlops")
def main() -> None:
    """Run machine learning in production by parameterized notebooks.

    \b
    Exit codes:
      0    done; a model that was rejected because it is not better is done, too
      1    a step failed, or a service is not as it should be
      2    bad usage: an unknown option, step or parameter, a value out of range
      130  interrupted

    \b
    Example:
      mlops run all
    """
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


@main.command()
@click.argument("pipeline", type=click.Choice(list(PIPELINES)))
@platform_option
@click.option(
    "-p", "overrides", multiple=True, metavar="STEP.NAME=VALUE", help="Set a notebook's parameter; repeat it."
)
@click.option(
    "--only", default="", metavar="STEP", help="Run this step alone, on the newest results of those before it."
)
@click.option("--force", is_flag=True, help="Do again what is in place already: restart a service that is healthy.")
@json_option
def run(pipeline: str, platform: str, overrides: tuple[str, ...], only: str, force: bool, as_json: bool) -> None:
    """Run a pipeline: build, retrain, release, or all three.

    \b
    Examples:
      mlops run all
      mlops run retrain -p train.alpha=0.1
      mlops run build -p test_data.data_path=new.csv
      mlops run release --only test_qa
    """
    from mlops.runner import Plan

    workspace = find_workspace()
    forced = ("deploy.force=true",) if force else ()
    parameters = load_parameters(workspace.project, ALL_STEPS, (*forced, *overrides), platform)
    check_overrides(overrides, pipeline, PIPELINES[pipeline])
    backend = open_backend(parameters.platform, workspace)
    record = _run(Plan(pipeline, PIPELINES[pipeline], parameters, only), workspace, backend)
    if pipeline == "all" and record.outcome == "rejected" and not only:
        record = _resume_production(record, parameters, workspace, backend)
    report = workspace.outputs / "index.html"
    if as_json:
        click.echo(msgspec.json.encode(record).decode())
    else:
        champion = backend.registry.find_champion(str(parameters.shared["model_name"]))
        services = backend.services.list_services()
        program = _shorten(Path(sys.argv[0]))
        click.echo("\n" + summarize_run(record, champion, services, _shorten(report), program))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)


def _run(plan: Any, workspace: Workspace, backend: Backend) -> RunRecord:
    from mlops.portal.reporter import Reporter
    from mlops.runner import run_pipeline

    def restore(step: Step, record: RunRecord) -> None:
        deployed = record.step(f"deploy_{step.restores}")
        if deployed and deployed.results:
            backend.services.record_test(step.restores, deployed.results["digest"], passed=False)

    listeners = (Reporter(workspace.outputs), Progress())
    return run_pipeline(plan, workspace, listeners, secrets=backend.secrets.list_values, restore=restore)


def _resume_production(record: RunRecord, parameters: Parameters, workspace: Workspace, backend: Backend) -> RunRecord:
    """After a rejection there is nothing to release, but production is to serve: start again what it served last."""
    from mlops.runner import Plan

    production = _find_service(backend, "production")
    if production and production.health == "healthy":
        return record
    click.echo("production does not serve: releasing what it served last", err=True)
    values = {**parameters.values}
    if production:
        values |= {
            step.name: {**values[step.name], "image_digest": production.digest}
            for step in ALL_STEPS
            if step.notebook_name == "deploy"
        }
    released = _run(Plan("release", PIPELINES["release"], replace(parameters, values=values)), workspace, backend)
    return record if released.state == "succeeded" else released


def _find_service(backend: Backend, environment: str) -> Service | None:
    return next((found for found in backend.services.list_services() if found.environment == environment), None)


@main.command()
@platform_option
@json_option
def status(platform: str, as_json: bool) -> None:
    """Show the champion, the services and the last runs.

    \b
    Examples:
      mlops status
      mlops status --json
    """
    workspace, backend, model_name = _open(platform)
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
        click.echo(f"{record.started}  {record.run_id:<32} {record.outcome or record.state}")


@main.command()
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
    _, backend, _ = _open(platform)
    first, second = backend.secrets.get_keys(environment)
    if as_json:
        click.echo(json.dumps({"primary": first, "secondary": second}))
    elif primary:
        click.echo(first)
    else:
        click.echo(f"primary    {first}\nsecondary  {second}")


@main.command()
@platform_option
def stop(platform: str) -> None:
    """End the services; `mlops run` starts them again.

    \b
    Example:
      mlops stop
    """
    _, backend, _ = _open(platform)
    for environment in ENVIRONMENTS:
        click.echo(f"{environment}: {'stopped' if backend.services.stop(environment) else 'was not running'}")


@main.command()
@click.option("--environment", type=click.Choice(ENVIRONMENTS), default="production", show_default=True)
@platform_option
def rollback(environment: str, platform: str) -> None:
    """Serve again what passed its test before the present image.

    \b
    Example:
      mlops rollback
    """
    _, backend, _ = _open(platform)
    service = backend.services.roll_back(environment)
    click.echo(f"{environment} serves {service.image} at {service.url} ({service.health})")


@main.command()
def report() -> None:
    """Write the index over all runs anew and print its path.

    \b
    Example:
      xdg-open "$(mlops report)"
    """
    from mlops.portal.index import write_index

    click.echo(write_index(find_workspace().outputs))


@main.command()
@click.argument("data_file")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there instead of printing it."
)
def profile(data_file: str, output: Path | None) -> None:
    """Profile a data file: the reference that the data test compares new data with.

    \b
    Example:
      mlops profile good.csv --output src/diabetes/reference_profile.json
    """
    from mlops.files import write_atomically
    from mlops.profile import encode_profile, make_reference
    from mlops.tables import read_table

    content = encode_profile(make_reference(read_table(data_file).frame))
    if output:
        write_atomically(output, content)
    else:
        click.echo(content, nl=False)


def _open(platform: str) -> tuple[Workspace, Backend, str]:
    workspace = find_workspace()
    parameters = load_parameters(workspace.project, ALL_STEPS, platform=platform)
    return workspace, open_backend(parameters.platform, workspace), str(parameters.shared["model_name"])


def _shorten(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
