"""The run of a sweep: every combination executed, the record true at any time, the best one offered."""

import difflib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mlops.backends.base import SweepState, Tracker
from mlops.declarations import read_declarations
from mlops.errors import MlopsError, UsageError
from mlops.files import write_atomically
from mlops.handoff import name_copy
from mlops.ledger import RunRecord, StepRecord, make_run_id, now, own_process, write_run
from mlops.lineage import read_commit
from mlops.redaction import strike_out
from mlops.runner import ERROR_LENGTH, Listener
from mlops.sweeps.engine import Engine, Outcome, Task
from mlops.sweeps.grid import Grid
from mlops.sweeps.inputs import find_inputs, make_inputs, take_inputs
from mlops.sweeps.results import Point, Sweep, add_point, begin_sweep, find_best
from mlops.workspace import Workspace

STEP = "sweep"  # of the run's record: how the combinations fared; the step that is swept follows with the best one
REPORT = "sweep.html"


class Watcher(Protocol):
    """Who is told of a sweep's progress: the terminal, the report."""

    def sweep_started(self, run: RunRecord, sweep: Sweep) -> None:
        """Hear that the first combinations begin."""

    def point_ended(self, point: Point) -> None:
        """Hear how a combination ended."""

    def best_offered(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Hear that the best one now stands as the swept step; return its record, perhaps with a report."""
        ...

    def sweep_ended(self, run: RunRecord, sweep: Sweep, points: Sequence[Point]) -> None:
        """Hear how the sweep ended; an interrupted one, too."""


@dataclass(frozen=True)
class Goal:
    """What is best: the result of the notebook that judges, and whether higher is better."""

    metric: str
    maximize: bool = False


def run_sweep(
    grid: Grid,
    goal: Goal,
    workspace: Workspace,
    engine: Engine,
    tracker: Tracker,
    *,
    listeners: Sequence[Listener] = (),
    watchers: Sequence[Watcher] = (),
    secrets: Callable[[], Iterable[str]] = tuple,
) -> tuple[RunRecord, Sweep, list[Point]]:
    """Execute a step's notebook for every combination of a grid.

    A combination that fails is recorded, and the others go on. The best one is recorded as the step itself, so that a
    later run can take it over. Without a step that it needs, that step is run first, as a run of its own.

    Parameters
    ----------
    grid, goal : Grid, Goal
        What to try, and what is best.
    workspace : Workspace
        ``<outputs>/<run id>/`` gets ``run.json``, ``sweep.jsonl`` and the executed notebooks.
    engine : Engine
        Executes them.
    tracker : Tracker
        Keeps the trainings of a sweep together, where the notebook declares a parameter `sweep`.
    listeners, watchers : sequence
        Told of the progress: of the run of a step that it needs, and of the sweep.
    secrets : callable
        Returns the values that are struck out of all that is saved.

    Returns
    -------
    tuple of RunRecord, Sweep, list of Point
        Its state is "failed" if any combination failed.

    Raises
    ------
    StepFailed
        If a step that it needs fails.
    UsageError
        If the notebook hands on no such metric: after the first that ended, so that the others are not run in vain.
    """
    return _SweepRun(grid, goal, workspace, engine, tracker, listeners, watchers, secrets).run()


class _SweepRun:
    """One sweep in progress; `record` is on disk after every change, and every point once it has ended."""

    def __init__(
        self,
        grid: Grid,
        goal: Goal,
        workspace: Workspace,
        engine: Engine,
        tracker: Tracker,
        listeners: Sequence[Listener],
        watchers: Sequence[Watcher],
        secrets: Callable[[], Iterable[str]],
    ) -> None:
        self.grid, self.engine, self.tracker, self.workspace = grid, engine, tracker, workspace
        self.listeners, self.watchers, self.secrets = listeners, watchers, secrets
        self.declared = read_declarations(workspace.notebooks / f"{grid.step.notebook}.ipynb")
        self.sweep = Sweep(grid.step.name, grid.step.notebook, grid.axes, goal.metric, goal.maximize)
        self.combinations = list(grid.list_combinations())
        self.points: list[Point] = []
        self.began = time.monotonic()

    def run(self) -> tuple[RunRecord, Sweep, list[Point]]:
        inputs: RunRecord | None = None
        if self.grid.step.needs:
            inputs = find_inputs(self.grid, self.workspace)
            inputs = inputs or make_inputs(self.grid, self.workspace, self.listeners, self.secrets)
        self._begin(inputs)
        try:
            self._execute()
        except KeyboardInterrupt:
            self._end("interrupted", "interrupted")
            raise
        except MlopsError as error:
            self._end("failed", str(error))
            raise
        except Exception as error:
            self._end("failed", f"{type(error).__name__}: {error}")
            raise
        failed = [point for point in self.points if point.state == "failed"]
        said = f"{len(failed)} of {len(self.points)} combinations failed: {failed[0].error}" if failed else ""
        self._end("failed" if failed else "succeeded", said)
        return self.record, self.sweep, self.points

    def _begin(self, inputs: RunRecord | None) -> None:
        step = self.grid.step
        self.record = RunRecord(
            run_id=make_run_id(STEP),
            pipeline=STEP,
            platform=self.grid.parameters.platform,
            state="running",
            started=now(),
            git_commit=read_commit(self.workspace.project),
            process=own_process(),
            steps=(
                StepRecord(STEP, step.notebook, state="running", started=now(), parameters=dict(self.grid.axes)),
                StepRecord(step.name, step.notebook, step.environment),
            ),
        )
        self.folder = self.workspace.outputs / self.record.run_id
        if inputs:
            taken = take_inputs(self.grid, inputs, self.workspace.outputs, self.folder)
            self.record = replace(self.record, steps=(*taken, *self.record.steps))
        self._save(self.record)
        if "sweep" in self.declared:
            tracking = self.tracker.start_sweep(self.record.run_id, self.grid.axes)
            self.sweep = replace(self.sweep, tracking=tracking)
        self.sweep = strike_out(self.sweep, self.secrets())
        begin_sweep(self.folder, self.sweep)

    def _execute(self) -> None:
        for watcher in self.watchers:
            watcher.sweep_started(self.record, self.sweep)
        tasks = [self._make_task(number, values) for number, values in enumerate(self.combinations, start=1)]
        with closing(self.engine.run(tasks, self.secrets)) as outcomes:
            for outcome in outcomes:
                point = strike_out(self._judge(outcome, tasks[outcome.number - 1]), self.secrets())
                add_point(self.folder, point)
                self.points.append(point)
                for watcher in self.watchers:
                    watcher.point_ended(point)

    def _make_task(self, number: int, values: dict[str, Any]) -> Task:
        step, parameters = self.grid.step, self.grid.parameters
        told = {"run_folder": str(self.folder), "sweep": self.sweep.tracking}
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
        error, score = outcome.error[:ERROR_LENGTH], None
        if not error:
            score = self._read_score(outcome)
            error = "" if score is not None else f"it handed on no number as {self.sweep.metric}, but None"
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

    def _read_score(self, outcome: Outcome) -> float | None:
        metric, results = self.sweep.metric, outcome.results
        numbers = sorted(name for name, value in results.items() if _is_number(value))
        if metric not in results or not (results[metric] is None or _is_number(results[metric])):
            what = f"as {metric!r} no number" if metric in results else f"no {metric!r}"
            close = difflib.get_close_matches(metric, numbers, n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            raise UsageError(
                f"--metric {metric}: {self.sweep.notebook} handed on {what}{guess} "
                f"(numbers: {', '.join(numbers) or 'none'}); the sweep is ended"
            )
        return results[metric]

    def _end(self, state: SweepState, error: str) -> None:
        """Record how the sweep ended, and offer the best point unless it was cut off."""
        self.points.sort(key=lambda point: point.number)
        best = find_best(self.sweep, self.points)
        whole = len(self.points) == len(self.combinations)
        ended = self.record.step(STEP)
        assert ended is not None
        ended = replace(
            ended,
            state="failed" if error else "done",
            error=error[:ERROR_LENGTH],
            seconds=time.monotonic() - self.began,
            results=self._summarize(best),
            report=REPORT,
        )
        self._save(self.record.with_step(ended))
        if best and whole:
            self._offer(best)
        else:
            found = self.record.step(self.sweep.step)
            assert found is not None
            reason = "the sweep did not end" if not whole else "every combination failed"
            self._save(self.record.with_step(replace(found, state="skipped", reason=reason)))
        outcome = "done" if state == "succeeded" else "error"
        self._save(replace(self.record, state=state, outcome=outcome, finished=now()))
        if self.sweep.tracking:
            metrics = {self.sweep.metric: best.score} if best and best.score is not None else {}
            self.tracker.end_sweep(
                self.sweep.tracking, state=state, parameters=best.values if best else {}, metrics=metrics
            )
        for watcher in self.watchers:
            watcher.sweep_ended(self.record, self.sweep, self.points)

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

    def _offer(self, best: Point) -> None:
        """Record the best point as the swept step itself: later runs take it over from there."""
        found = self.record.step(self.sweep.step)
        assert found is not None
        copy = self.folder / name_copy(found.notebook, found.environment)
        write_atomically(copy, (self.folder / best.file).read_bytes())
        parameters = self._make_task(best.number, dict(best.values)).parameters
        offered = replace(
            found, state="done", started=now(), seconds=best.seconds, parameters=parameters, results=best.results
        )
        offered = strike_out(offered, self.secrets())
        for watcher in self.watchers:
            offered = watcher.best_offered(self.record, offered)
        self._save(self.record.with_step(offered))

    def _save(self, record: RunRecord) -> None:
        self.record = strike_out(record, self.secrets())
        write_run(self.record, self.workspace.outputs)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
