"""Sweeps: the execution of one step with every combination of some parameters, on this machine or a Dask cluster."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlops.errors import UsageError
from mlops.operations.data import DataRegistrar, choose_data
from mlops.operations.opening import OpenProject, check_steps
from mlops.operations.overview import read_overview
from mlops.operations.preconditions import require_ready
from mlops.operations.surroundings import surround_run
from mlops.pipelines import find_data_step
from mlops.pipelines.step import Step
from mlops.portal.sweep_page import SweepReporter
from mlops.problem import Problem
from mlops.record.ledger import RunRecord
from mlops.runner import Listener
from mlops.sweeps.executors import Executor, Threads
from mlops.sweeps.grid import Grid
from mlops.sweeps.plan import Goal, SweepListener
from mlops.sweeps.results import Point, Sweep
from mlops.sweeps.run import run_sweep


@dataclass(frozen=True)
class Places:
    """The machines of a sweep: this machine, or the Dask cluster with the address `scheduler`.

    On this machine, `jobs` notebooks run in parallel; 0 means one per core.
    """

    jobs: int = 0
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.scheduler and self.jobs:
            raise UsageError(
                "--jobs applies only to this machine. With --scheduler, the cluster's workers decide how "
                "many notebooks run at once."
            )


def choose_goal(step: Step, problem: Problem, metric: str = "", maximize: bool = False) -> Goal:
    """Return the goal of a sweep: the metric to compare by, and whether higher values are better.

    Parameters
    ----------
    step : Step
        The step of the sweep.
    problem : Problem
        The problem that the project solves.
    metric : str
        The name of the metric. If empty, the cross-validated metric on which promotions are decided is used.
    maximize : bool
        Whether higher values are better. Not needed for a metric that the problem declares.

    Raises
    ------
    UsageError
        If `metric` is empty, and the step declares no metric.
    """
    if not metric and not step.scored_by:
        raise UsageError(f"The step {step.name} does not declare a metric to compare by. Name one with --metric NAME.")
    scored = f"{step.scored_by}{problem.decisive.name}"
    chosen = metric or scored
    names = {chosen, chosen.removeprefix(step.scored_by)}
    declared = next((found for found in problem.metrics if found.name in names), None)
    higher_is_better = declared is not None and declared.higher_is_better
    return Goal(chosen, maximize or higher_is_better, chosen in (scored, *(found.name for found in problem.metrics)))


def sweep_step(
    opened: OpenProject,
    grid: Grid,
    goal: Goal,
    places: Places,
    listeners: Sequence[Listener] = (),
    sweep_listeners: Sequence[SweepListener] = (),
) -> tuple[RunRecord, Sweep, list[Point]]:
    """Execute the notebook of a step for every combination of parameter values in `grid`.

    Return the record of the run, the description of the sweep, and the finished combinations.

    Parameters
    ----------
    opened : OpenProject
        The project on the platform that tracks the trainings.
    grid, goal : Grid, Goal
        The combinations, and how to compare them.
    places : Places
        The machines that execute the notebooks.
    listeners : sequence of Listener
        Notified of the progress of earlier steps, which run before the sweep if the sweep needs their results.
    sweep_listeners : sequence of SweepListener
        Notified of the progress of the sweep.

    Raises
    ------
    UsageError
        If the sweep cannot be executed on these machines.
    """
    check_steps(opened, (*grid.needed, grid.step))
    require_ready(opened.backend)
    data_step = find_data_step(opened.project.steps)
    if data_step:
        grid = replace(grid, parameters=choose_data(opened, grid.parameters, data_step))
    opened = replace(opened, parameters=grid.parameters)
    return run_sweep(
        grid,
        goal,
        surround_run(opened, listeners, DataRegistrar(opened.backend.datasets)),
        _choose_executor(opened, places),
        opened.backend.tracker,
        (
            SweepReporter(opened.workspace.outputs, lambda: read_overview(opened), opened.command_options),
            *sweep_listeners,
        ),
    )


def _choose_executor(opened: OpenProject, places: Places) -> Executor:
    if not places.scheduler:
        return Threads(places.jobs or os.cpu_count() or 1)
    from mlops.sweeps.cluster import Cluster

    opened.workspace.home.mkdir(parents=True, exist_ok=True)
    return Cluster(places.scheduler, opened.workspace, opened.parameters.platform)
