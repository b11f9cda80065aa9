"""Commands that run pipelines."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from mlops.cli.commands import EXIT_FAILED
from mlops.cli.options import (
    Choice,
    jobs_option,
    json_option,
    name_program,
    open_loaded,
    open_platform,
    platform_option,
    quiet_option,
    scheduler_option,
    shorten_path,
)
from mlops.cli.progress.annotations import annotate_run, disarm, print_annotations
from mlops.cli.progress.following import find_following
from mlops.cli.progress.help import OFFERED, StepsCommand
from mlops.cli.progress.run import Progress, format_ending, summarize_run
from mlops.cli.streams import print_json
from mlops.errors import MlopsError
from mlops.operations.data import RefusedData, describe_data, find_refused
from mlops.operations.opening import OpenProject
from mlops.operations.releasing import Remaining, find_release_after
from mlops.operations.status import Status, read_status
from mlops.parameters.lookup import SHARED
from mlops.parameters.overrides import Override, read_override
from mlops.parameters.project import Project
from mlops.platform.services import Permissions
from mlops.record.ledger import RunRecord
from mlops.workspace import find_workspace


@click.command(cls=StepsCommand)
@click.argument("pipeline", type=Choice(OFFERED))
@platform_option
@click.option(
    "-p", "overrides", multiple=True, metavar="STEP.NAME=VALUE", help="Set a parameter of a notebook. Can be repeated."
)
@click.option(
    "--only", default="", metavar="STEP", help="Run only this step, with the newest results of the steps before it."
)
@click.option(
    "--from",
    "source",
    default="",
    metavar="RUN",
    help="With --only: use the results of this run, which may be a sweep. [default: the newest run that is not a "
    "sweep]",
)
@click.option(
    "--model-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of the champion, release the model named in this file. `mlops submit` writes such a file.",
)
@click.option("--reason", default="", metavar="TEXT", help="Your reason for promoting a model that the gate rejects.")
@click.option("--force", is_flag=True, help="Rerun unchanged steps, too, and restart healthy services.")
@click.option("--take-over", is_flag=True, help="Replace services that serve a different model.")
@click.option(
    "--redeploy-rolled-back", "redeploy", is_flag=True, help="Deploy a version or image even though it was rolled back."
)
@scheduler_option
@click.option("--run-id", default="", metavar="ID", help="Name of the run and its folder. [default: a new one]")
@jobs_option
@quiet_option
@json_option
def run(
    pipeline: str,
    platform: str,
    overrides: tuple[str, ...],
    only: str,
    source: str,
    model_file: Path | None,
    reason: str,
    force: bool,
    take_over: bool,
    redeploy: bool,
    scheduler: str,
    run_id: str,
    jobs: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run a pipeline: build, retrain, release, or all three.

    A step does not run again if its notebook, parameters, data, sources and packages are the same as in an earlier run.

    \b
    Examples:
      mlops run all
      mlops run retrain -p train.alpha=0.1
      mlops run build -p test_data.data_path=new.csv
      mlops run build -p test_data.data_path=/data --scheduler tcp://HOST:8786
      mlops run retrain --only evaluate
      mlops run retrain --only evaluate --from 20261122-190758-sweep-3f9a51c2
      mlops run release --model-file model.json
      mlops run release --redeploy-rolled-back
      mlops run retrain -p evaluate.promote_always=true --reason "ticket 42"
      mlops run retrain --force
    """
    from mlops.operations.request import RunRequest
    from mlops.operations.running import start_run

    released: list[str] = []
    renewed: list[str] = []

    def release_begins(remaining: Remaining) -> None:
        released.append(explain_release(remaining))
        if not quiet:
            click.echo(released[0], err=True)

    opened = open_platform(platform, map(read_override, overrides))
    request = RunRequest(
        pipeline,
        only,
        source,
        model_file,
        reason,
        force,
        Permissions(take_over, redeploy),
        run_id=run_id,
        jobs=jobs or 0,
        scheduler=scheduler,
    )

    def warn(text: str) -> None:
        click.echo(text, err=True)

    def image_begins(reason: str) -> None:
        renewed.append(f"{reason} Creating a new image.")
        if not quiet:
            click.echo(renewed[0], err=True)

    record = start_run(opened, request, [] if quiet else [Progress()], release_begins, image_begins, warn)
    told = [*renewed, *(released if record.outcome == "rejected" else [])]
    _conclude(record, opened, Printed(quiet, as_json), overrides, told)


def explain_release(remaining: Remaining) -> str:
    """Return the reason why a run releases a model although its own new model was rejected."""
    production = remaining.service
    if production is None:
        return "Production serves nothing yet, so the champion is released."
    if not remaining.is_registered:
        return (
            f"Production is {production.condition}, and the registry no longer has production's last model, "
            f"{production.model}. So the champion is released."
        )
    return f"Production is {production.condition}, so its last model, {production.model}, is released again."


@click.command()
@click.argument("run_id", metavar="[RUN]", default="")
@jobs_option
@quiet_option
@json_option
def resume(run_id: str, jobs: int | None, quiet: bool, as_json: bool) -> None:
    """Resume a run that failed, was interrupted or was killed; the newest one by default.

    Finished steps do not run again. The run keeps the parameters that it was started with.

    \b
    Examples:
      mlops resume
      mlops resume 20261122-190758-all-3f9a51c2
    """
    from mlops.operations.running import find_run, resume_run

    workspace = find_workspace()
    record = find_run(workspace.outputs, run_id)
    opened = open_loaded(Project.load(workspace), record.platform)
    reopened = opened.reopen(record)
    known = opened.parameters.shared
    changed = {name: value for name, value in reopened.parameters.shared.items() if known.get(name) != value}
    given = [Override(SHARED, name, value, record.run_id).to_text() for name, value in changed.items()]
    resumed = resume_run(reopened, record, jobs or 0, [] if quiet else [Progress()])
    _conclude(resumed, reopened, Printed(quiet, as_json), given)


@dataclass(frozen=True)
class Printed:
    """The form in which a command prints its result: full text, one line, or JSON."""

    quiet: bool
    as_json: bool


def _conclude(
    record: RunRecord, opened: OpenProject, printed: Printed, given: Sequence[str] = (), released: Sequence[str] = ()
) -> None:
    print_annotations(annotate_run(record, opened.workspace.project))
    if printed.as_json:
        print_json(record)
    elif printed.quiet:
        click.echo(" ".join([format_ending(record), *released]))
    else:
        status = _read_status_or_problem(opened)
        report = shorten_path(find_page(record, opened.workspace.outputs))
        data, refused = _describe_tested_data(record, opened)
        program = name_program()
        declared = opened.project.declared
        release = find_release_after(opened, record, status) if record.settings.only else None
        following = find_following(
            record,
            program,
            opened.command_options,
            given,
            refused,
            declared=declared,
            release=release,
            champion=status.champion,
        )
        click.echo("\n" + disarm(summarize_run(record, status, report, program, following, data)))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)


def _describe_tested_data(record: RunRecord, opened: OpenProject) -> tuple[str, RefusedData | None]:
    datasets = opened.backend.datasets
    with suppress(MlopsError):  # if the platform is unreachable, a message was already printed
        return describe_data(record, datasets), find_refused(record, datasets)
    return "", None


def find_page(record: RunRecord, outputs: Path) -> Path:
    """Return the page to open: the report of the failed step, or else the index of all runs."""
    failed = record.failure.report if record.failure else ""
    return outputs / record.run_id / failed if failed else outputs / "index.html"


def _read_status_or_problem(opened: OpenProject) -> Status:
    try:
        found = read_status(opened)
    except MlopsError as error:
        said = str(error)
        found = Status(problems=(said,), command_options=opened.command_options, champion_problem=said)
    for problem in found.problems:
        click.echo(f"mlops: Could not read the current champion and services. {problem}", err=True)
    return found
