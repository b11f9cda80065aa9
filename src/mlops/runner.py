"""The run engine: executes a pipeline's notebooks in order and records the truth about them."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mlops.declarations import read_declarations
from mlops.errors import StepFailed, UsageError
from mlops.execution import execute
from mlops.files import write_atomically
from mlops.handoff import name_copy, read_scraps
from mlops.ledger import RunRecord, RunState, StepRecord, list_runs, make_run_id, now, own_process, write_run
from mlops.lineage import read_commit
from mlops.parameters import Parameters
from mlops.pipelines import Step
from mlops.redaction import strike_out
from mlops.workspace import Workspace

ERROR_LENGTH = 2000  # characters of an error that the record keeps


class Listener(Protocol):
    """Who is told of a run's progress: the terminal, the reports."""

    def step_started(self, step: StepRecord) -> None:
        """Hear that a step begins."""

    def cell_done(self, step: StepRecord, done: int, cells: int) -> None:
        """Hear that `done` of a notebook's `cells` are through."""

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Hear how a step ended; returns its record, perhaps with the report that was made of it."""
        ...

    def run_ended(self, run: RunRecord) -> None:
        """Hear how the run ended."""


@dataclass(frozen=True)
class Plan:
    """What is to run.

    Parameters
    ----------
    pipeline : str
        Its name.
    steps : sequence of Step
        All steps of the pipeline, each after those that it needs.
    parameters : Parameters
        Checked already.
    only : str
        The one step to run, on the results of the steps before it in an earlier run; empty to run all.
    """

    pipeline: str
    steps: Sequence[Step]
    parameters: Parameters
    only: str = ""


Restore = Callable[[Step, RunRecord], None]


def run_pipeline(
    plan: Plan,
    workspace: Workspace,
    listeners: Sequence[Listener] = (),
    *,
    secrets: Callable[[], Iterable[str]] = tuple,
    restore: Restore = lambda step, run: None,
) -> RunRecord:
    """Run a pipeline.

    Parameters
    ----------
    plan : Plan
        What is to run.
    workspace : Workspace
        The project; ``<outputs>/<run id>/`` gets the executed notebooks and ``run.json``.
    listeners : sequence of Listener
        Told of the progress, in order.
    secrets : callable
        Returns the values that are struck out of every saved notebook.
    restore : callable
        Called with a step that `restores` an environment, and the run, when that step has failed.

    Returns
    -------
    RunRecord
        Its state says how the run ended: a failed step is recorded, not raised.

    Raises
    ------
    UsageError
        If the plan cannot be run; nothing has been written then.
    """
    return _Run(plan, workspace, listeners, secrets, restore).run()


class _Run:
    """One run in progress; `record` is on disk after every change."""

    def __init__(
        self,
        plan: Plan,
        workspace: Workspace,
        listeners: Sequence[Listener],
        secrets: Callable[[], Iterable[str]],
        restore: Restore,
    ) -> None:
        self.plan = plan
        self.workspace = workspace
        self.listeners = listeners
        self.secrets = secrets
        self.restore = restore
        self.record = RunRecord(
            run_id=make_run_id(plan.pipeline),
            pipeline=plan.pipeline,
            platform=plan.parameters.platform,
            state="running",
            started=now(),
            git_commit=read_commit(workspace.project),
            process=own_process(),
            steps=tuple(StepRecord(step.name, step.notebook, step.environment) for step in plan.steps),
        )
        self.folder = workspace.outputs / self.record.run_id

    def run(self) -> RunRecord:
        if self.plan.only:
            self._reuse_steps()
        self._save(self.record)
        try:
            for step in self.plan.steps:
                if self._find(step.name).state == "pending":
                    self._take_step(step)
        except KeyboardInterrupt:
            self._give_up("interrupted", "interrupted")
            raise
        except Exception as error:
            self._give_up("failed", f"{type(error).__name__}: {error}")
            raise
        failed = any(step.state == "failed" for step in self.record.steps)
        self._end("failed" if failed else "succeeded", _name_outcome(self.record, self.plan.only, failed))
        return self.record

    def _save(self, record: RunRecord) -> None:
        self.record = strike_out(record, self.secrets())
        write_run(self.record, self.workspace.outputs)

    def _give_up(self, state: RunState, error: str) -> None:
        """End the run where it stands; a service whose test was cut off is not left serving untested."""
        for step in self.plan.steps:
            found = self._find(step.name)
            if found.state == "running":
                self._save(self.record.with_step(replace(found, state="failed", error=error)))
                if step.restores:
                    self.restore(step, self.record)
        self._end(state, "error")

    def _end(self, state: RunState, outcome: str) -> None:
        self._save(replace(self.record, state=state, outcome=outcome, finished=now()))
        for listener in self.listeners:
            listener.run_ended(self.record)

    def _find(self, name: str) -> StepRecord:
        return next(step for step in self.record.steps if step.name == name)

    def _take_step(self, step: Step) -> None:
        reason = self._find_reason_to_skip(step)
        if reason:
            ended = replace(self._find(step.name), state="skipped", reason=reason)
        else:
            started = replace(
                self._find(step.name), state="running", started=now(), parameters=self._tell_notebook(step)
            )
            self._save(self.record.with_step(started))
            ended = self._execute(started)
            if ended.state == "failed" and step.restores:
                self.restore(step, self.record)
        ended = strike_out(ended, self.secrets())
        for listener in self.listeners:
            ended = listener.step_ended(self.record, ended)
        self._save(self.record.with_step(ended))

    def _tell_notebook(self, step: Step) -> dict[str, Any]:
        declared = read_declarations(self.workspace.notebooks / f"{step.notebook}.ipynb")
        told = {"run_folder": str(self.folder)} if "run_folder" in declared else {}
        return {**self.plan.parameters.values[step.name], **told}

    def _execute(self, step: StepRecord) -> StepRecord:
        def report_cell(done: int, cells: int) -> None:
            for listener in self.listeners:
                listener.cell_done(step, done, cells)

        for listener in self.listeners:
            listener.step_started(step)
        began = time.monotonic()
        output = self.folder / name_copy(step.notebook, step.environment)
        try:
            execute(
                self.workspace.notebooks / f"{step.notebook}.ipynb",
                output,
                step.parameters,
                seconds=self.plan.parameters.step_timeout_minutes * 60 or math.inf,
                report_cell=report_cell,
                secrets=self.secrets,
            )
        except StepFailed as error:
            return replace(step, state="failed", error=str(error)[:ERROR_LENGTH], seconds=time.monotonic() - began)
        return replace(step, state="done", results=read_scraps(output), seconds=time.monotonic() - began)

    def _find_reason_to_skip(self, step: Step) -> str:
        """Say why a step must not run, or nothing."""
        if self.plan.only and step.name != self.plan.only:
            return f"only {self.plan.only} was asked for"
        for name in step.needs:
            needed = self.record.step(name)
            if needed and needed.state in ("failed", "skipped"):
                return f"{name} {needed.state}" if needed.state == "failed" else f"{name} was skipped"
        if step.only_if:
            name, value = step.only_if.split(".")
            source = self.record.step(name)
            if source and not source.results.get(value):
                return str(source.results.get("reason", f"{step.only_if} is not true"))
        return ""

    def _reuse_steps(self) -> None:
        """Take over, from the newest run that has them, the results of the steps before the only one to run."""
        names = [step.name for step in self.plan.steps]
        if self.plan.only not in names:
            raise UsageError(
                f"--only {self.plan.only}: there is no such step in {self.plan.pipeline}; it has: {', '.join(names)}"
            )
        chosen = self.plan.steps[names.index(self.plan.only)]
        runs = list_runs(self.workspace.outputs)
        newest = {
            name: next((run for run in runs if (found := run.step(name)) and found.state == "done"), None)
            for name in chosen.needs
            if name in names
        }
        for name, source in newest.items():
            if source is None:
                raise UsageError(
                    f"--only {self.plan.only} needs the results of {name}, and no run has them: "
                    f"run `mlops run {self.plan.pipeline}` first"
                )
            self._require_consistent(name, source, newest)
            reused = source.step(name)
            assert reused is not None
            taken = replace(reused, state="reused", reason=f"from run {source.run_id}", report="")
            self.record = self.record.with_step(taken)
        for taken in self.record.steps:
            if taken.state == "reused":
                copy = name_copy(taken.notebook, taken.environment)
                executed = self.workspace.outputs / taken.reason.removeprefix("from run ") / copy
                write_atomically(self.folder / copy, executed.read_bytes())

    def _require_consistent(self, name: str, source: RunRecord, newest: Mapping[str, RunRecord | None]) -> None:
        """Refuse results that were made from others than those that are taken over beside them."""
        needs = next(step.needs for step in self.plan.steps if step.name == name)
        for needed in needs:
            other, used = newest.get(needed), source.step(needed)
            if other is None or used is None:
                continue
            origin = used.reason.removeprefix("from run ") if used.state == "reused" else source.run_id
            if origin != other.run_id:
                raise UsageError(
                    f"--only {self.plan.only}: {needed} has run again since {name} used it (in {other.run_id}): "
                    f"run {name} again first"
                )


def _name_outcome(record: RunRecord, only: str, failed: bool) -> str:
    if failed:
        return "error"
    if only:
        return "done"
    evaluated = record.step("evaluate")
    if evaluated and evaluated.state == "done":
        return "promoted" if evaluated.results.get("promoted") else "rejected"
    released = record.step("test_production")
    return "released" if released and released.state == "done" else "done"
