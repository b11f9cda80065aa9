"""Commands that run pipelines."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from mlops.cli.options import (
    EXIT_FAILED,
    jobs_option,
    json_option,
    name_platform,
    open_ready,
    platform_option,
    shorten_path,
)
from mlops.cli.run_progress import Progress, summarize_run
from mlops.errors import MlopsError, UsageError
from mlops.operations.data import DataRegistrar, choose_data
from mlops.operations.model_file import find_named_image
from mlops.parameters.merging import Parameters
from mlops.parameters.overrides import Override, check_overrides, read_override
from mlops.parameters.project import Project
from mlops.pipelines import ALL_STEPS, PIPELINES, Step, find_data_step, find_release
from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.platform.services import Service
from mlops.platform.trainings import TrainingRun
from mlops.record.ledger import RunRecord, StepRecord, list_runs, read_run
from mlops.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    from mlops.runner import Surroundings


@click.command()
@click.argument("pipeline", type=click.Choice([name for name in PIPELINES if name != "provision"]))
@platform_option
@click.option(
    "-p", "overrides", multiple=True, metavar="STEP.NAME=VALUE", help="Set a notebook's parameter; repeat it."
)
@click.option(
    "--only", default="", metavar="STEP", help="Run this step alone, on the newest results of those before it."
)
@click.option(
    "--model-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Release the model that this file names, instead of the champion; `mlops submit` writes it.",
)
@click.option("--force", is_flag=True, help="Run also what has not changed, and start anew a service that is healthy.")
@click.option("--run-id", default="", metavar="ID", help="Name of the run and its folder. [default: a new one]")
@jobs_option
@json_option
def run(
    pipeline: str,
    platform: str,
    overrides: tuple[str, ...],
    only: str,
    model_file: Path | None,
    force: bool,
    run_id: str,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Run a pipeline: build, retrain, release, or all three.

    A step whose notebook, parameters, data, sources and packages are those of an earlier run is not run again.

    \b
    Examples:
      mlops run all
      mlops run retrain -p train.alpha=0.1
      mlops run build -p test_data.data_path=new.csv
      mlops run release --only test_qa
      mlops run release --model-file model.json
      mlops run retrain --force
    """
    from mlops.runner import Plan, run_pipeline

    project = Project.load(find_workspace())
    given = [read_override(text) for text in overrides]
    forced = [Override(step.notebook_name, step.forced_by, True, "--force") for step in ALL_STEPS if step.forced_by]
    forced = forced if force else []
    parameters = project.merge([*forced, *given], platform)
    check_overrides(given, pipeline, PIPELINES[pipeline])
    backend = open_ready(parameters, project.workspace)
    if model_file:
        deployment = _find_deployment(pipeline)
        digest = find_named_image(model_file, backend).digest
        named = Override(deployment.name, deployment.takes_image, digest, f"--model-file {model_file}")
        parameters = project.merge([*forced, *given, named], platform)
    data_step = find_data_step(PIPELINES[pipeline])
    if data_step and only in ("", data_step.name):
        parameters = choose_data(parameters, data_step, backend.datasets)
    around = prepare_run(project, backend, parameters, DataRegistrar(backend.datasets))
    record = run_pipeline(Plan(pipeline, PIPELINES[pipeline], parameters, only, force, jobs or 0), around, run_id)
    if pipeline == "all" and record.outcome == "rejected" and not only:
        record = _serve_again(record, parameters, around, backend)
    _conclude(record, project, backend, parameters, as_json)


@click.command()
@click.argument("run_id", metavar="[RUN]", default="")
@jobs_option
@json_option
def resume(run_id: str, jobs: int | None, as_json: bool) -> None:
    """Go on with a run that failed, was interrupted or was killed; the newest one by default.

    Steps that are done stay done, and the parameters are those that the run was started with.

    \b
    Examples:
      mlops resume
      mlops resume 20261122-190758-all-3f9a51c2
    """
    from mlops.runner import resume_pipeline

    workspace = find_workspace()
    record = _find_run(workspace, run_id) if run_id else _find_unfinished(workspace)
    project = Project.load(workspace)
    parameters = project.merge(platform=record.platform)
    backend = open_ready(parameters, workspace)
    around = prepare_run(project, backend, parameters, DataRegistrar(backend.datasets))
    record = resume_pipeline(record, PIPELINES.get(record.pipeline, ()), around, jobs or 0)
    _conclude(record, project, backend, parameters, as_json)


def _find_deployment(pipeline: str) -> Step:
    """Return the first step of a pipeline that takes an image."""
    found = next((step for step in PIPELINES[pipeline] if step.takes_image), None)
    if found is None:
        raise UsageError(f"--model-file: The pipeline {pipeline} deploys nothing. Run `mlops run release` with it.")
    return found


def _find_run(workspace: Workspace, run_id: str) -> RunRecord:
    if Path(run_id).name != run_id or not (workspace.outputs / run_id / "run.json").is_file():
        raise UsageError(f"there is no run {run_id} in {workspace.outputs}; `mlops status` lists the runs")
    return read_run(workspace.outputs / run_id)


def _find_unfinished(workspace: Workspace) -> RunRecord:
    newest = next(iter(list_runs(workspace.outputs)), None)
    if newest is None or newest.state == "succeeded":
        said = f"the newest run, {newest.run_id}, has succeeded" if newest else "there is no run yet"
        raise UsageError(f"{said}: nothing to resume; `mlops status` lists the runs")
    return newest


def prepare_run(
    project: Project, backend: Backend, parameters: Parameters, registrar: DataRegistrar | None
) -> "Surroundings":
    """Return what a run works with: reports, terminal, monitoring, the platform's secrets, services and champion."""
    from mlops.portal.reporter import Reporter
    from mlops.runner import Surroundings
    from mlops.runner.telemetry_listener import TelemetryListener

    def restore(environment: str, digest: str) -> None:
        backend.services.record_test(environment, digest, passed=False)

    def observe(name: str) -> str:
        champion = backend.registry.find_champion(str(parameters.shared["model_name"]))
        return str(champion.version if champion else 0)

    def is_kept(step: Step, found: StepRecord) -> bool:
        if not step.trains:
            return True
        run_id, files = (found.results[name] for name in step.trains)
        return backend.tracker.has_files(TrainingRun(run_id, files))

    telemetry = (TelemetryListener(backend.telemetry),) if backend.telemetry else ()
    registrars = (registrar,) if registrar else ()
    listeners = (Progress(), *registrars, Reporter(project.workspace.outputs), *telemetry)
    return Surroundings(project, listeners, backend.secrets.list_values, restore, observe, is_kept)


def _conclude(record: RunRecord, project: Project, backend: Backend, parameters: Parameters, as_json: bool) -> None:
    report = project.workspace.outputs / "index.html"
    if as_json:
        click.echo(msgspec.json.encode(record).decode())
    else:
        champion, services = _look_around(backend, parameters)
        program = shorten_path(Path(sys.argv[0]))
        option = name_platform(project, record.platform)
        click.echo("\n" + summarize_run(record, champion, services, shorten_path(report), program, option))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)


def _look_around(backend: Backend, parameters: Parameters) -> tuple[ModelVersion | None, Sequence[Service]]:
    """Return the champion and the services; a platform that cannot be asked does not take the run's summary away."""
    try:
        champion = backend.registry.find_champion(str(parameters.shared["model_name"]))
        return champion, backend.services.list_services()
    except MlopsError as error:
        click.echo(f"mlops: what is there now is not known: {error}", err=True)
        return None, ()


def _serve_again(record: RunRecord, parameters: Parameters, around: "Surroundings", backend: Backend) -> RunRecord:
    """After a rejection there is nothing to release, but production is to serve: start again what it served last."""
    from mlops.runner import Plan, run_pipeline

    steps = PIPELINES["release"]
    release = find_release(steps)
    production = _find_service(backend, release.environment) if release else None
    if production and production.health == "healthy":
        return record
    click.echo("production does not serve: releasing what it served last", err=True)
    values = {**parameters.values}
    if production:
        values |= {
            step.name: {**values[step.name], step.takes_image: production.digest} for step in steps if step.takes_image
        }
    plan = Plan("release", steps, replace(parameters, values=values))
    released = run_pipeline(plan, around)
    return record if released.state == "succeeded" else released


def _find_service(backend: Backend, environment: str) -> Service | None:
    return next((found for found in backend.services.list_services() if found.environment == environment), None)
