"""Commands that run pipelines."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec

from mlops.backends import open_backend
from mlops.backends.base import Backend, Service
from mlops.cli.options import ALL_STEPS, EXIT_FAILED, json_option, platform_option, shorten_path
from mlops.ledger import RunRecord
from mlops.parameters import Parameters, check_overrides, load_parameters
from mlops.pipelines import PIPELINES, Step
from mlops.terminal import Progress, summarize_run
from mlops.workspace import Workspace, find_workspace


@click.command()
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
        program = shorten_path(Path(sys.argv[0]))
        click.echo("\n" + summarize_run(record, champion, services, shorten_path(report), program))
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
