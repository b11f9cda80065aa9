"""The command that runs one step of a submitted run, on the machine that the platform started for the step."""

import sys
from pathlib import Path

import click

from mlops.cli.commands import EXIT_FAILED
from mlops.cli.options import Choice, open_platform, platform_option, submission_options
from mlops.cli.progress.annotations import annotate_run, disarm, print_annotations
from mlops.cli.progress.run import Progress
from mlops.pipelines import PIPELINES
from mlops.platform.submission import Build, read_submission
from mlops.record.ledger import RunRecord


@click.command("run-step", hidden=True)
@click.argument("pipeline", type=Choice(list(PIPELINES)))
@click.argument("step")
@platform_option
@submission_options
@click.option("--build-id", default="", help="The build that published the pipeline.")
@click.option("--build-uri", default="", help="The address of the build.")
def run_step(pipeline: str, step: str, platform: str, build_id: str, build_uri: str, **submitted: str) -> None:
    """Run one step of a submitted run. The platform starts this command, not you.

    The command fetches the run's folder from the platform, runs the step as `mlops run` does, and stores the folder
    on the platform again.

    \b
    Example:
      mlops run-step retrain train --platform azure
    """
    from mlops.operations.stepping import SubmittedStep, run_submitted_step

    asked = SubmittedStep(pipeline, step, read_submission(submitted), Build(build_id, build_uri))
    opened = open_platform(platform)
    _conclude(run_submitted_step(opened, asked, [Progress()]), step, opened.workspace.project)


def _conclude(record: RunRecord, name: str, project: Path) -> None:
    print_annotations(annotate_run(record, project))
    step = record.step(name)
    if step and step.state == "skipped":
        click.echo(disarm(f"{name} has nothing to do: {step.reason}"))
    click.echo(disarm(f"run {record.run_id}: {record.ending}"))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)
