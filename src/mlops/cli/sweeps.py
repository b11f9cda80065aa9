"""The command that tries many parameter values."""

import sys

import click

from mlops.cli.commands import EXIT_FAILED
from mlops.cli.options import (
    jobs_option,
    json_option,
    name_program,
    open_loaded,
    platform_option,
    quiet_option,
    shorten_path,
)
from mlops.cli.progress.annotations import annotate_run, disarm, print_annotations
from mlops.cli.progress.help import StepsCommand
from mlops.cli.progress.run import Progress
from mlops.cli.streams import print_json
from mlops.parameters.project import Project
from mlops.workspace import find_workspace


@click.command(cls=StepsCommand)
@click.argument("step")
@click.option(
    "-p",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE,VALUE",
    help="Try these values of a parameter of STEP. With several -p options, try every combination. OTHER.NAME=VALUE "
    "sets one value in a step that STEP depends on.",
)
@click.option(
    "--metric",
    default="",
    help="Compare the combinations by this result of the notebook. Do not choose a metric of the holdout, because a "
    "later evaluation on the same holdout would be too optimistic. [default: the problem's gate metric, "
    "cross-validated]",
)
@click.option("--maximize", is_flag=True, help="Prefer a higher metric instead of a lower one.")
@jobs_option
@click.option("--scheduler", default="", metavar="ADDRESS", help="Run on this Dask cluster: tcp://host:port.")
@platform_option
@quiet_option
@json_option
def sweep(
    step: str,
    overrides: tuple[str, ...],
    metric: str,
    maximize: bool,
    jobs: int | None,
    scheduler: str,
    platform: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Execute a step's notebook for every combination of parameters, and let `evaluate` use the best combination.

    If a combination fails, the others continue, and `evaluate` can still use the best of them. The report shows the
    error, and the exit code is 1.

    \b
    Examples:
      mlops sweep train -p alpha=0.01,0.1,1,10
      mlops sweep train -p alpha=0.1,1 -p seed=0,1,2 --jobs 4
      mlops sweep train -p alpha=0.1,1 --metric r2
      mlops sweep train -p alpha=0.1,1 --scheduler tcp://10.0.0.7:8786
    """
    from mlops.cli.progress.sweep import SweepProgress, summarize_sweep
    from mlops.operations.sweeping import Places, choose_goal, sweep_step
    from mlops.sweeps.grid import read_grid
    from mlops.sweeps.results import describe_best

    places = Places(jobs or 0, scheduler)
    project = Project.load(find_workspace())
    grid = read_grid(project, step, overrides, platform)
    opened = open_loaded(project, platform)
    goal = choose_goal(grid.step, opened.problem, metric, maximize)
    shown = ([], []) if quiet else ([Progress()], [SweepProgress()])
    record, plan, points = sweep_step(opened, grid, goal, places, *shown)
    print_annotations(annotate_run(record, project.workspace.project))
    if as_json:
        print_json({"run": record, "sweep": plan, "points": points})
    elif quiet:
        click.echo(f"{record.run_id}: {describe_best(plan, points)}")
    else:
        report = shorten_path(project.workspace.outputs / record.run_id / "sweep.html")
        said = summarize_sweep(plan, points, record.run_id, report, name_program(), opened.command_options)
        click.echo("\n" + disarm(said))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)
