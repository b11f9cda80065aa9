"""The run of a sweep. It executes every combination and records the best one."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from mlops.errors import MlopsError
from mlops.files.atomic import write_atomically
from mlops.parameters.lookup import RUN_FOLDER, SWEEP_TRACKING
from mlops.pipelines import SWEEP
from mlops.platform.trainings import SweepState, Tracker
from mlops.record.clock import now
from mlops.record.fingerprints import fingerprint_step
from mlops.record.ledger import RunRecord, RunSettings, StepRecord, make_run_folder, number_run, write_run
from mlops.record.lineage import find_commit
from mlops.record.processes import own_process
from mlops.record.redaction import redact_record, redact_text
from mlops.record.reuse import copy_results
from mlops.record.run_lock import share_runs
from mlops.runner import Surroundings
from mlops.runner.requirements import require_runnable
from mlops.runner.run import ERROR_LENGTH
from mlops.scraps import name_copy
from mlops.sweeps.executors import Executor, Outcome, Task
from mlops.sweeps.grid import Grid
from mlops.sweeps.inputs import find_inputs
from mlops.sweeps.plan import REPORT, Goal, SweepListener
from mlops.sweeps.results import Point, Sweep, add_point, begin_sweep, explain_no_best, find_best
from mlops.sweeps.score import read_score, require_metric


def run_sweep(
    grid: Grid,
    goal: Goal,
    surroundings: Surroundings,
    executor: Executor,
    tracker: Tracker,
    listeners: Sequence[SweepListener] = (),
) -> tuple[RunRecord, Sweep, list[Point]]:
    """Execute a step's notebook for every combination of parameter values in `grid`.

    A combination that fails is recorded, and the others continue.

    Parameters
    ----------
    grid, goal : Grid, Goal
        The combinations, and how to compare them.
    surroundings : Surroundings
        The project and the platform to run with.
    executor : Executor
        The object that executes the notebooks.
    tracker : Tracker
        The tracking server.
    listeners : sequence of SweepListener
        The listeners to notify of the progress, in this order.

    Returns
    -------
    tuple of RunRecord, Sweep, list of Point
        The record of the run, the description of the sweep, and the finished combinations.

    Raises
    ------
    StepFailed
        If an earlier step, which the swept step needs, fails.
    UsageError
        If a notebook cannot be executed, or does not report the metric.
    """
    with share_runs(surroundings.workspace.outputs):
        return _SweepRun(grid, goal, surroundings, executor, tracker, listeners).run()


class _SweepRun:
    def __init__(
        self,
        grid: Grid,
        goal: Goal,
        surroundings: Surroundings,
        executor: Executor,
        tracker: Tracker,
        listeners: Sequence[SweepListener],
    ) -> None:
        self.grid, self.executor, self.tracker, self.listeners = grid, executor, tracker, listeners
        self.around, self.workspace, self.secrets = surroundings, surroundings.workspace, surroundings.secrets
        self.declared = surroundings.project.declared(grid.step.notebook)
        self.goal = goal
        self.sweep = Sweep(grid.step.name, grid.step.notebook, grid.axes, goal.metric, goal.maximize)
        self.combinations = list(grid.list_combinations())
        self.points: list[Point] = []
        self.changed = False

    def run(self) -> tuple[RunRecord, Sweep, list[Point]]:
        self._begin()
        try:
            self._execute()
        except KeyboardInterrupt:
            self._record_end("interrupted", "interrupted")
            raise
        except MlopsError as error:
            self._record_end("failed", str(error))
            raise
        except Exception as error:
            self._record_end("failed", f"{type(error).__name__}: {error}")
            raise
        failed = [point for point in self.points if point.state == "failed"]
        said = f"{len(failed)} of {len(self.points)} combinations failed: {failed[0].error}" if failed else ""
        if self._fingerprint(self.combinations[0]) != self.fingerprint:
            said = "The notebook, the sources or the data changed during the sweep, so its results cannot be compared."
            self.changed = True
        self._record_end("failed" if said else "succeeded", said)
        return self.record, self.sweep, self.points

    def _begin(self) -> None:
        if not self.goal.is_declared:
            require_metric(self.sweep.metric, self.grid.step, self.workspace)
        require_runnable([self.grid.step], self.grid.parameters.values, self.workspace)
        commit = find_commit(self.workspace.project)
        step, axes = self.grid.step, {name: list(values) for name, values in self.grid.axes.items()}
        self.record = RunRecord(
            run_id="",  # set below, after the inputs are found and the folder is created
            pipeline=SWEEP,
            platform=self.grid.parameters.platform,
            state="running",
            started=now(),
            git_commit=commit.name,
            git_problem=commit.problem,
            process=own_process(),
            steps=(
                StepRecord(SWEEP, step.notebook, state="running", started=now(), parameters=axes),
                StepRecord(step.name, step.notebook, step.environment),
            ),
            settings=RunSettings(problem=self.around.project.base.problem),
        )
        inputs = find_inputs(self.grid, self.record, self.around)
        self.folder = make_run_folder(self.workspace.outputs, SWEEP)
        order = number_run(self.workspace.outputs)  # after `find_inputs`, which may start another run
        steps = (*inputs, *self.record.steps)
        self.record = replace(self.record, run_id=self.folder.name, started=now(), steps=steps, order=order)
        self.began = time.monotonic()
        for taken in inputs:
            copy_results(taken, self.folder)
        self.fingerprint = self._fingerprint(self.combinations[0])
        self._save(self.record)

    def _execute(self) -> None:
        if "sweep" in self.declared:
            tracking = self.tracker.start_sweep(self.record.run_id, self.grid.axes)
            self.sweep = replace(self.sweep, tracking=tracking)
        self.sweep = redact_record(self.sweep, self.secrets())
        begin_sweep(self.folder, self.sweep)
        for listener in self.listeners:
            listener.sweep_started(self.record, self.sweep)
        tasks = [self._make_task(number, values) for number, values in enumerate(self.combinations, start=1)]
        with closing(self.executor.run(tasks, self.secrets)) as outcomes:
            for outcome in outcomes:
                point = redact_record(self._judge(outcome, tasks[outcome.number - 1]), self.secrets())
                add_point(self.folder, point)
                self.points.append(point)
                for listener in self.listeners:
                    listener.point_ended(point)

    def _make_task(self, number: int, values: Mapping[str, Any]) -> Task:
        step, parameters = self.grid.step, self.grid.parameters
        told = {RUN_FOLDER: str(self.folder), SWEEP_TRACKING: self.sweep.tracking}
        return Task(
            number=number,
            source=self.workspace.notebooks / f"{step.notebook}.ipynb",
            output=self.folder / name_copy(step.notebook, str(number).zfill(len(str(len(self.combinations))))),
            parameters={
                **parameters.values[step.name],
                **values,
                **{name: value for name, value in told.items() if name in self.declared},
            },
            seconds=parameters.step_timeout_minutes * 60 or math.inf,
        )

    def _judge(self, outcome: Outcome, task: Task) -> Point:
        values = self.combinations[outcome.number - 1]
        error, score = redact_text(outcome.error, self.secrets())[:ERROR_LENGTH], None
        if not error:
            score = read_score(outcome.results, self.sweep)
            error = "" if score is not None else f"{self.sweep.metric} is None"
        return Point(
            number=outcome.number,
            values=values,
            state="failed" if error else "done",
            seconds=outcome.seconds,
            file=task.output.name,
            score=score,
            error=error,
            results=outcome.results,
        )

    def _record_end(self, state: SweepState, error: str) -> None:
        self.points.sort(key=lambda point: point.number)
        best = find_best(self.sweep, self.points)
        whole = len(self.points) == len(self.combinations)
        ended = self.record.get_step(SWEEP)
        ended = replace(
            ended,
            state="failed" if error else "done",
            error=redact_text(error, self.secrets())[:ERROR_LENGTH],
            seconds=time.monotonic() - self.began,
            results=self._summarize(best),
            report=REPORT,
        )
        self._save(self.record.with_step(ended))
        if best and whole and not self.changed:
            self._record_best(best)
        else:
            found = self.record.get_step(self.sweep.step)
            none = explain_no_best(self.sweep, self.points)
            reason = "the sweep did not finish" if not whole else error if self.changed else none
            self._save(self.record.with_step(replace(found, state="skipped", reason=reason)))
        outcome = "done" if state == "succeeded" else "error"
        self._save(replace(self.record, state=state, outcome=outcome, finished=now()))
        if self.sweep.tracking:
            metrics = {self.sweep.metric: best.score} if best and best.score is not None else {}
            self.tracker.end_sweep(
                self.sweep.tracking, state=state, parameters=best.values if best else {}, metrics=metrics
            )
        for listener in self.listeners:
            listener.sweep_ended(self.record, self.sweep, self.points)

    def _summarize(self, best: Point | None) -> dict[str, Any]:
        failed = sum(point.state == "failed" for point in self.points)
        return {
            "combinations": len(self.combinations),
            "ended": len(self.points),
            "failed": failed,
            "metric": self.sweep.metric,
            "maximize": self.sweep.maximize,
            "best": best.number if best else None,
        }

    def _record_best(self, best: Point) -> None:
        found = self.record.get_step(self.sweep.step)
        copy = self.folder / name_copy(found.notebook, found.environment)
        write_atomically(copy, (self.folder / best.file).read_bytes())
        parameters = self._make_task(best.number, best.values).parameters
        offered = replace(
            found,
            state="done",
            started=self.record.started,
            seconds=best.seconds,
            parameters=parameters,
            results=best.results,
            fingerprint=self._fingerprint(best.values),
        )
        offered = redact_record(offered, self.secrets())
        for listener in self.listeners:
            offered = listener.best_offered(self.record, offered)
        self._save(self.record.with_step(offered))

    def _fingerprint(self, values: Mapping[str, Any]) -> str:
        parameters = {**self.grid.parameters.values[self.grid.step.name], **values}
        return fingerprint_step(self.grid.step, parameters, self.record, self.workspace, self.around.observe)

    def _save(self, record: RunRecord) -> None:
        self.record = redact_record(record, self.secrets())
        write_run(self.record, self.workspace.outputs)
