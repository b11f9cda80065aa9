"""Commands for the published pipeline: publish it, start it, watch its runs."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from mlops.cli.commands import EXIT_FAILED
from mlops.cli.options import (
    Choice,
    OutputPath,
    json_option,
    open_platform,
    platform_option,
)
from mlops.cli.streams import print_json
from mlops.errors import NotFoundError, PlatformError, UsageError
from mlops.operations.submitting import (
    ENDED,
    SubmissionListener,
    download_run,
    get_run,
    list_runs,
    publish_pipeline,
    require_pipelines,
    require_submitted,
    submit_pipeline,
    watch_run,
    write_new_model,
)
from mlops.pipelines import PUBLISHED
from mlops.pipelines.advice import name_platform_option
from mlops.platform.pipelines import Pipelines, SubmittedRun
from mlops.platform.submission import Build, list_names, read_submission
from mlops.record.summary import OVERRULED, ROLLED_BACK

SHOWN_RUNS = 10
EXPLAINED = ("unreadable", ROLLED_BACK)  # `mlops runs` also prints the reason for these outcomes


@click.command()
@platform_option
@click.option(
    "--build-id",
    default=lambda: os.environ.get("BUILD_BUILDID", ""),
    metavar="ID",
    help="Version of the pipeline. [default: $BUILD_BUILDID in Azure Pipelines, else a new name]",
)
@click.option("--build-uri", default="", metavar="URI", help="The address of the build's page.")
@json_option
def publish(platform: str, build_id: str, build_uri: str, as_json: bool) -> None:
    """Publish this checkout's retraining pipeline. `mlops submit` and the schedules then start this version.

    Each build id has one version of the pipeline. Publishing the same build id again changes nothing.

    \b
    Examples:
      mlops publish --platform azure
      mlops publish --platform azure --build-id 42
    """
    published = publish_pipeline(open_platform(platform), Build(build_id, build_uri))
    if as_json:
        print_json(published)
    else:
        click.echo(f"Published {published.name} version {published.version}. {published.url} now starts this version.")


@click.command()
@click.argument("pipeline", type=Choice([PUBLISHED]))
@platform_option
@click.option("-p", "given", multiple=True, metavar="NAME=VALUE", help=f"{', '.join(list_names())}. Can be repeated.")
@click.option("--wait", is_flag=True, help="Wait for the run to end. If the run fails, the exit code is 1.")
@click.option(
    "--model-file",
    type=OutputPath(),
    help="With --wait: write the name, version and id of the new model to this file, unless the model was rejected.",
)
@click.option(
    "--download",
    metavar="DIR",
    type=OutputPath(folder=True),
    help="With --wait: copy the notebooks, reports and record to this folder, even if the run failed.",
)
@json_option
def submit(
    pipeline: str,
    platform: str,
    given: tuple[str, ...],
    wait: bool,
    model_file: Path | None,
    download: Path | None,
    as_json: bool,
) -> None:
    """Start the published pipeline, and return immediately. Changes made to this checkout after publishing are not
    included.

    A run succeeds even if the new model is rejected because it is not better than the champion.

    \b
    Examples:
      mlops submit retrain --platform azure --wait
      mlops submit retrain --wait --model-file model/model.json --download reports
      mlops submit retrain -p data_file_path=new.csv
      mlops submit retrain --platform azure -p dataset_version=new
    """
    if (model_file or download) and not wait:
        raise UsageError("--model-file and --download need a finished run. Add --wait.")
    submission = read_submission(dict(read_pair(text) for text in given))
    opened = open_platform(platform)
    run = submit_pipeline(opened, submission)
    click.echo(f"submitted {run.run_id}  {run.url}".rstrip(), err=True)
    pipelines = require_pipelines(opened.backend)
    if wait:
        try:
            run = watch_run(pipelines, run, SubmissionProgress())
        except KeyboardInterrupt:
            shown = f"mlops runs {run.run_id}{opened.command_options}"
            click.echo(f"\nThe run continues. `{shown}` shows it, and `{shown} --cancel` cancels it.", err=True)
            raise
    if download:
        _download(pipelines, run, download)
    if model_file:
        write_new_model(model_file, opened, run)
    _show_run(run, opened.model_name, as_json)
    sys.exit(EXIT_FAILED if run.state in ("failed", "canceled") else 0)


@click.command("runs")
@click.argument("run_id", metavar="[RUN]", default="")
@platform_option
@click.option("--log", "step", default="", metavar="STEP", help="Print the log of this step.")
@click.option(
    "--download",
    metavar="DIR",
    type=OutputPath(folder=True),
    help="Copy the notebooks, reports and record to this folder.",
)
@click.option("--cancel", is_flag=True, help="Cancel the run.")
@json_option
def runs_command(run_id: str, platform: str, step: str, download: Path | None, cancel: bool, as_json: bool) -> None:
    """Show the newest runs, or one run with its steps and, if it was submitted, its logs and files.

    The list contains submitted runs, runs on this machine, and rollbacks.

    \b
    Examples:
      mlops runs
      mlops runs --platform azure
      mlops runs 20261122-190758-retrain-3f9a51c2 --log train
      mlops runs 20261122-190758-retrain-3f9a51c2 --download reports
    """
    if not run_id and (step or download or cancel):
        options = name_platform_option(platform, "")
        raise UsageError(f"--log, --download and --cancel need the id of a run. `mlops runs{options}` lists the runs.")
    _refuse_two({"--log": step, "--download": download, "--cancel": cancel})
    _refuse_two({"--log": step, "--download": download, "--json": as_json})
    opened = open_platform(platform)
    pipelines = require_pipelines(opened.backend)
    if not run_id:
        _show_runs(list_runs(opened, SHOWN_RUNS), opened.command_options, as_json)
        return
    if step or download or cancel:
        require_submitted(opened, run_id)
    if step:
        click.echo(pipelines.read_log(run_id, step), nl=False)
    elif download:
        click.echo(pipelines.fetch_run(run_id, download / run_id))
    else:
        shown = get_run(opened, run_id)
        if cancel and shown.state in ("succeeded", "failed"):
            click.echo(f"Run {run_id} was not canceled, because it had already ended.", err=True)
        elif cancel:
            shown = pipelines.cancel(run_id)
        _show_run(shown, opened.model_name, as_json)


def _refuse_two(options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} cannot be combined. Run the command once with each option.")


class SubmissionProgress(SubmissionListener):
    """A listener that prints every new state of a submitted run on standard error, one per line."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def run_changed(self, run: SubmittedRun) -> None:
        """See `SubmissionListener`."""
        for line in _list_states(run):
            if line not in self._shown:
                click.echo(line, err=True)
                self._shown.add(line)

    def look_failed(self, error: PlatformError) -> None:
        """See `SubmissionListener`."""
        click.echo(f"  Could not read the state of the run; retrying. {error}", err=True)


def _download(pipelines: Pipelines, run: SubmittedRun, folder: Path) -> None:
    try:
        download_run(pipelines, run, folder)
    except NotFoundError as error:  # the run failed before it stored any file
        click.echo(str(error), err=True)


def read_pair(text: str) -> tuple[str, str]:
    """Split the text "name=value" of an option ``-p`` into the name and the value."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"-p {text} is not of the form name=value. For example, write -p data_file_path=new.csv.")
    return name, value


def _list_states(run: SubmittedRun) -> Iterable[str]:
    state = f"run {run.run_id}: {run.state}"
    if run.state not in ENDED:
        yield state
    yield from _list_step_lines(run)
    if run.state in ENDED:
        yield state


def _list_step_lines(run: SubmittedRun, said: str = "") -> Iterable[str]:
    for step in run.steps:
        yield f"  {step.name:<18} {step.state:<10} {step.reason if step.reason != said else ''}".rstrip()
        said = step.reason or said


def _show_run(run: SubmittedRun, model_name: str, as_json: bool) -> None:
    if as_json:
        print_json(run)
        return
    mark = f" ({OVERRULED})" if run.override else ""
    rows = {
        "Run": run.run_id,
        "State": run.state,
        "Outcome": f"{run.outcome}: {run.reason}" if run.reason else run.outcome,
        "Model": f"{run.model_name or model_name} version {run.model_version}{mark}" if run.model_version else "",
        "Published": f"version {run.version}" if run.version else "",
        "Started": run.started,
        "Finished": run.finished,
        "Page": run.url,
    }
    click.echo("\n".join(f"{name + ':':<12}{value}" for name, value in rows.items() if value))
    for line in _list_step_lines(run, run.reason):
        click.echo(line)


def _show_runs(found: list[SubmittedRun], options: str, as_json: bool) -> None:
    if as_json:
        print_json({"runs": found})
        return
    for run in found:
        started = run.started or ("" if run.outcome == "unreadable" else "not started yet")
        about = run.reason if run.outcome in EXPLAINED else run.version
        ending = run.state if run.state == "canceled" else run.outcome or run.state
        click.echo(f"{started:<20}  {run.run_id:<40} {ending:<10} {about}".rstrip())
    if not found:
        click.echo(
            f"There is no run yet. Start one with `mlops run all{options}`, or with `mlops submit retrain{options}` in "
            "the background."
        )
