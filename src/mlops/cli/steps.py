"""The command that a submitted run's machines are started with."""

import sys

import click

from mlops.backends import open_backend
from mlops.cli.options import EXIT_FAILED, platform_option
from mlops.cli.runs import prepare_run
from mlops.errors import UsageError
from mlops.operations.data import DataRegistrar
from mlops.parameters.lookup import SHARED
from mlops.parameters.overrides import Override
from mlops.parameters.project import Project
from mlops.pipelines import PIPELINES, find_data_step
from mlops.platform.backend import Backend
from mlops.platform.datasets import NEW_DATA
from mlops.record.ledger import RunRecord
from mlops.workspace import find_workspace

NOTHING = ("", "none")  # a pipeline's parameter cannot be empty on Azure
REGISTERED = "latest"


@click.command("run-step")
@click.argument("pipeline", type=click.Choice(list(PIPELINES)))
@click.argument("step")
@platform_option
@click.option("--model-name", default="none", help="Instead of shared.model_name.")
@click.option(
    "--dataset-version",
    default=REGISTERED,
    show_default=True,
    help="Of the registered data set; new: what came last.",
)
@click.option("--data-file-path", default="none", help="Instead of the registered data set.")
@click.option("--caller-run-id", default="none", help="What has submitted the run; becomes a tag.")
@click.option("--build-id", default="none", help="The build that has published the pipeline.")
@click.option("--build-uri", default="none", help="Its address.")
def run_step(
    pipeline: str,
    step: str,
    platform: str,
    model_name: str,
    dataset_version: str,
    data_file_path: str,
    caller_run_id: str,
    build_id: str,
    build_uri: str,
) -> None:
    """Run one step of a submitted run; the platform starts this, not you.

    The run's folder comes from the platform and goes back to it. The notebook is executed as by `mlops run`.

    \b
    Example:
      mlops run-step retrain train --platform azure
    """
    from mlops.runner import TAG_LENGTH, Plan, run_submitted

    project = Project.load(find_workspace())
    chosen = project.merge(platform=platform).platform
    backend = open_backend(chosen, project.workspace)
    job = backend.jobs.find_job() if backend.jobs else None
    if job is None:
        raise UsageError(
            f"this is no step of a submitted run: {chosen} starts this command itself; run a notebook here with "
            f"`mlops run {pipeline} --only {step}`"
        )
    tags = {"BuildId": build_id, "BuildUri": build_uri, "caller_run_id": caller_run_id}
    job.tag({name: value for name, value in tags.items() if value not in NOTHING})
    data_step = find_data_step(PIPELINES[pipeline])
    is_registered = bool(data_step and step == data_step.name and data_file_path in NOTHING)
    try:
        given, data = [Override(SHARED, "model_name", model_name, "--model-name")], ""
        if data_step:
            data = _find_data(backend, dataset_version) if is_registered else data_file_path
            given.append(Override(data_step.name, data_step.takes_data, data, "--data-file-path"))
        for known in PIPELINES[pipeline]:
            for name, value in zip(known.takes_build, (build_id, build_uri), strict=False):
                given.append(Override(known.name, name, value, "--build-id"))
        parameters = project.merge([override for override in given if override.value not in NOTHING], chosen)
        plan = Plan(pipeline, PIPELINES[pipeline], parameters, at=step)
        new = data if is_registered and dataset_version == NEW_DATA else ""
        registrar = DataRegistrar(
            backend.datasets, new, lambda kept: job.tag({"dataset": f"{kept.name}:{kept.version}"})
        )
        record = run_submitted(plan, prepare_run(project, backend, parameters, registrar), job)
        if tested := record.step(step):
            registrar.step_ended(record, tested)  # again: a process that was killed here has left the step done
    except Exception as error:  # whatever it is, who looks at the run sees it
        job.tag({"outcome": "error", "reason": f"{step}: {error}"[:TAG_LENGTH]})
        raise
    _conclude(record, step)


def _find_data(backend: Backend, version: str) -> str:
    """Return the address of a version of the data set, or of the data that arrived last."""
    if version == NEW_DATA:
        return backend.require(backend.arrivals, "folder that is watched for new data").fetch_newest()
    return backend.datasets.get_version(version).url


def _conclude(record: RunRecord, name: str) -> None:
    step = record.step(name)
    if step and step.state == "skipped":
        click.echo(f"{name} has nothing to do: {step.reason}")
    click.echo(f"run {record.run_id}: {record.outcome or record.state}")
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)
