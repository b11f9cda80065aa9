"""The command that tries many values of parameters."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from mlops.cli.options import (
    EXIT_FAILED,
    jobs_option,
    json_option,
    open_ready,
    platform_option,
    shorten_path,
)
from mlops.cli.runs import prepare_run
from mlops.errors import UsageError
from mlops.operations.data import DataRegistrar, choose_data
from mlops.parameters.project import Project
from mlops.pipelines import Step, find_data_step
from mlops.workspace import find_workspace

if TYPE_CHECKING:
    from mlops.sweeps.plan import Goal


@click.command()
@click.argument("step")
@click.option(
    "-p",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE,VALUE",
    help="Try these values of a parameter of STEP; with several -p, every combination. STEP.NAME=VALUE for a step "
    "that it needs sets one value.",
)
@click.option(
    "--metric",
    default="",
    help="Which result of the notebook says how good a combination is. One measured on the holdout makes the "
    "evaluation on the same holdout too good to be true. [default: the one that STEP declares]",
)
@click.option("--maximize", is_flag=True, help="The higher the metric the better; without it, the lower.")
@jobs_option
@click.option("--scheduler", default="", metavar="ADDRESS", help="Run on this Dask cluster: tcp://host:port.")
@platform_option
@json_option
def sweep(
    step: str,
    overrides: tuple[str, ...],
    metric: str,
    maximize: bool,
    jobs: int | None,
    scheduler: str,
    platform: str,
    as_json: bool,
) -> None:
    """Execute a step's notebook for every combination of parameters, and offer the best one to `evaluate`.

    A combination that fails is a red row of the report; the others go on, the best one is offered all the same, and
    the exit code is 1.

    \b
    Examples:
      mlops sweep train -p alpha=0.01,0.1,1,10
      mlops sweep train -p alpha=0.1,1 -p seed=0,1,2 --jobs 4
      mlops sweep train -p alpha=0.1,1 --metric r2 --maximize
      mlops sweep train -p alpha=0.1,1 --scheduler tcp://10.0.0.7:8786
    """
    from mlops.cli.sweep_progress import SweepProgress, summarize_sweep
    from mlops.portal.sweep_page import SweepReporter
    from mlops.sweeps.executors import Executor, Threads
    from mlops.sweeps.grid import read_grid
    from mlops.sweeps.run import run_sweep

    if scheduler and jobs:
        raise UsageError(
            "--jobs is for this machine; with --scheduler, the cluster's workers say how many run at a time"
        )
    workspace = find_workspace()
    project = Project.load(workspace)
    grid = read_grid(project, step, overrides, platform)
    backend = open_ready(grid.parameters, workspace)
    data_step = find_data_step(project.steps)
    if data_step:
        grid = replace(grid, parameters=choose_data(grid.parameters, data_step, backend.datasets))
    executor: Executor
    if scheduler:
        from mlops.sweeps.cluster import Cluster

        workspace.home.mkdir(parents=True, exist_ok=True)
        executor = Cluster(scheduler, workspace, grid.parameters.platform)
    else:
        executor = Threads(jobs or os.cpu_count() or 1)
    record, plan, points = run_sweep(
        grid,
        _choose_goal(grid.step, metric, maximize),
        prepare_run(project, backend, grid.parameters, DataRegistrar(backend.datasets)),
        executor,
        backend.tracker,
        (SweepReporter(workspace.outputs), SweepProgress()),
    )
    if as_json:
        click.echo(msgspec.json.encode({"run": record, "sweep": plan, "points": points}).decode())
    else:
        report = shorten_path(workspace.outputs / record.run_id / "sweep.html")
        click.echo("\n" + summarize_sweep(plan, points, report, shorten_path(Path(sys.argv[0]))))
    sys.exit(EXIT_FAILED if record.state == "failed" else 0)


def _choose_goal(step: Step, metric: str, maximize: bool) -> "Goal":
    """Return what the sweep optimizes: the metric that was asked for, else the one that the step declares."""
    from mlops.sweeps.plan import Goal

    chosen = metric or step.scored_by
    if not chosen:
        raise UsageError(f"The step {step.name} declares no metric to compare by. Name one: --metric NAME.")
    return Goal(chosen, maximize)
