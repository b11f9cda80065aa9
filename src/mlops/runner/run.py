"""A run in progress."""

import math
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mlops.errors import MlopsError, RunInterrupted, StepFailed, UsageError
from mlops.execution.pool import CellDone, NotebookEnded, NotebookPool
from mlops.files.hashes import hash_file
from mlops.parameters.lookup import RUN_FOLDER
from mlops.pipelines.step import Step
from mlops.record.clock import now
from mlops.record.fingerprints import fingerprint_step, hash_sources
from mlops.record.ledger import RunRecord, RunState, StepRecord, write_run
from mlops.record.lineage import read_commit
from mlops.record.redaction import redact_record, redact_text
from mlops.record.reuse import copy_results, find_unchanged, locate_copy
from mlops.record.run_lock import share_runs
from mlops.record.steps import INTERRUPTED
from mlops.runner.conditions import find_reason_to_skip, is_likely, is_waiting
from mlops.runner.outcome import name_outcome
from mlops.runner.plan import Plan, Surroundings
from mlops.runner.restoring import Left, restore_service
from mlops.scraps import read_scraps

CUT_OFF = "interrupted when the run ended"
ERROR_LENGTH = 2000  # maximum number of characters of an error in a record


class Run:
    """A run in progress. The attribute `record` is saved after every change."""

    # Notebooks run in other threads. Everything else runs in the main thread.

    def __init__(self, plan: Plan, surroundings: Surroundings, record: RunRecord) -> None:
        self.plan = plan
        self.around = surroundings
        self.workspace = surroundings.workspace
        self.record = record
        self.folder = self.workspace.outputs / record.run_id
        self.unannounced: list[StepRecord] = []
        self.left = Left()  # the problem that an interrupted restore left behind
        self.notified = 0  # the number of listeners that have been notified of unannounced[0]

    def run(self, reused: Iterable[StepRecord] = ()) -> RunRecord:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.folder / ".lock").acquire(timeout=0)
        except Timeout:
            raise UsageError(f"Run {self.record.run_id} is already running. Wait for it, or stop it.") from None
        with lock, share_runs(self.workspace.outputs):
            for step in reused:
                copy_results(step, self.folder)
                self.record = self.record.with_step(step)
            self._save(self.record)
            hash_sources(self.workspace.project / "src")  # an earlier run may have cached an older state
            try:
                self._work()
            except KeyboardInterrupt:
                left = self._end_early("interrupted", INTERRUPTED)
                raise RunInterrupted(self.record.run_id, self._redact_error(left.problem), left.resumable) from None
            except Exception as error:
                with suppress(OSError):  # without this record, the state of the run is "lost"
                    self._end_early("failed", f"{type(error).__name__}: {error}", type(error).__name__)
                raise
            self._conclude()
        return self.record

    def _conclude(self) -> None:
        failed = any(step.state == "failed" for step in self.record.steps)
        if self.plan.at and not failed and any(step.state == "pending" for step in self.record.steps):
            self._end("waiting", "")
            return
        outcome = name_outcome(self.record, self.plan)
        if outcome == "error" and not failed:
            skipped = self.record.get_step(self.plan.only)
            self.record = replace(self.record, error=f"{skipped.name} was requested, but skipped: {skipped.reason}")
        self._end("failed" if outcome == "error" else "succeeded", outcome)

    def _work(self) -> None:
        with NotebookPool(self.plan.jobs or os.cpu_count() or 1) as pool:
            unreported = [step for step in self.record.steps if step.has_results and not step.report]
            self._announce_ended([*unreported, *self._start_ready_steps(pool)])
            while self._list_running():
                event = pool.wait()
                if isinstance(event, CellDone):
                    self._tell_cell(event)
                else:
                    ended = self._record_end(event)
                    self.unannounced += [ended, *self._start_ready_steps(pool)]
                if not pool.has_events:  # listeners write reports, which takes time, so the next steps start first
                    self._announce_ended()

    def _start_ready_steps(self, pool: NotebookPool) -> list[StepRecord]:
        decided: list[str] = []
        for step in self.plan.steps:
            if self.record.get_step(step.name).state != "pending" or is_waiting(step, self.record):
                continue
            settled = self._skip(step) or self._reuse(step)
            if settled:
                self.record = self.record.with_step(settled)  # saved only once, below, because each save syncs the disk
                decided.append(step.name)
            elif self.plan.at in ("", step.name) and len(self._list_running()) < pool.jobs:
                self._start(step, pool)
        if decided:
            self._save(self.record)
        likely = (step for step in self.plan.steps if is_likely(step, self.record, self.plan))
        pool.prepare({step.name: self._find_notebook(step) for step in likely})
        return [self.record.get_step(name) for name in decided]

    def _find_notebook(self, step: Step) -> Path:
        return self.workspace.notebooks / f"{step.notebook}.ipynb"

    def _skip(self, step: Step) -> StepRecord | None:
        reason = find_reason_to_skip(step, self.record, self.plan)
        return replace(self.record.get_step(step.name), state="skipped", reason=reason) if reason else None

    def _reuse(self, step: Step) -> StepRecord | None:
        if self.plan.force or self.plan.only or self.plan.at:
            return None
        found = replace(self.record.get_step(step.name), parameters=self._tell_notebook(step))
        is_kept = partial(self.around.is_kept, step)
        unchanged = find_unchanged(step, self._fingerprint(step, found, recent=True), self.workspace.outputs, is_kept)
        if unchanged:
            copy_results(unchanged, self.folder)
        return unchanged

    def _start(self, step: Step, pool: NotebookPool) -> None:
        found = replace(self.record.get_step(step.name), parameters=self._tell_notebook(step))
        fingerprint = self._fingerprint(step, found, recent=True)
        notebook = self._find_notebook(step)
        started = replace(
            found,
            state="running",
            started=now(),
            fingerprint=fingerprint,
            git_commit=read_commit(self.workspace.project),
            notebook_sha256=hash_file(notebook),
        )
        self._save(self.record.with_step(started))
        pool.start(
            step.name,
            notebook,
            locate_copy(started, self.folder),
            dict(started.parameters),
            seconds=self.plan.parameters.step_timeout_minutes * 60 or math.inf,
            secrets=self.around.secrets,
        )
        for listener in self.around.listeners:  # meanwhile, the kernel starts
            listener.step_started(self.record.get_step(step.name))

    def _record_end(self, event: NotebookEnded) -> StepRecord:
        step = self.plan.find_step(event.name)
        found = replace(self.record.get_step(event.name), seconds=event.seconds)
        try:
            event.future.result()
            results = read_scraps(locate_copy(found, self.folder))
        except StepFailed as error:
            ended = self._fail(found, str(error), error.kind)
            ended = replace(ended, cell=error.cell, line=error.line)
        except MlopsError as error:
            ended = self._fail(found, str(error), type(error).__name__)
        except Exception as error:  # noqa: BLE001, a crash of the engine here must fail this step alone
            ended = self._fail(found, f"{type(error).__name__}: {error}", type(error).__name__)
        else:
            same = found.fingerprint and self._fingerprint(step, found) == found.fingerprint
            chosen = _add_chosen_files(step, found, results)
            fingerprint = self._fingerprint(step, chosen, recent=True) if same else ""
            ended = replace(found, state="done", results=results, fingerprint=fingerprint)
        self._save(self.record.with_step(ended))
        left = restore_service(step, self.plan, self.record, self.around) if ended.state == "failed" else Left()
        if left.problem:
            told = self._redact_error(f"{ended.error}\n{left.told}")
            self._save(self.record.with_step(replace(ended, error=told)))
        if left.interrupted:
            self.left = left
            self.unannounced.append(self.record.get_step(event.name))  # announced when the run ends early
            raise KeyboardInterrupt
        return self.record.get_step(event.name)

    def _announce_ended(self, steps: Iterable[StepRecord] = ()) -> None:
        # If the user interrupts a listener, the next call of this method begins with the interrupted listener.
        self.unannounced += steps
        before = self.record
        while self.unannounced:
            for listener in self.around.listeners[self.notified :]:
                self.unannounced[0] = listener.step_ended(self.record, self.unannounced[0])
                self.notified += 1
            self.record = self.record.with_step(self.unannounced[0])
            self.notified = 0
            del self.unannounced[0]
        if self.record != before:
            self._save(self.record)

    def _tell_cell(self, event: CellDone) -> None:
        for listener in self.around.listeners:
            listener.cell_done(self.record.get_step(event.name), event.done, event.cells)

    def _save(self, record: RunRecord) -> None:
        self.record = redact_record(record, self.around.secrets())
        write_run(self.record, self.workspace.outputs)

    def _end_early(self, state: RunState, error: str, kind: str = "") -> Left:
        left = self.left
        for step in self.plan.steps:
            found = self.record.get_step(step.name)
            if found.state == "running":
                ended = self._fail(found, error, kind)
                if state != "interrupted":
                    ended = replace(found, state="pending", reason=CUT_OFF, fingerprint="")
                self._save(self.record.with_step(ended))
                if (found_left := restore_service(step, self.plan, self.record, self.around)).problem:
                    left = found_left
                    self._save(self.record.with_step(replace(ended, error=self._redact_error(f"{error}. {left.told}"))))
        if state == "interrupted":
            with suppress(MlopsError, OSError, KeyboardInterrupt):  # the user has interrupted the run anyway
                self._announce_ended()
        self.record = replace(self.record, error=self._redact_error(f"{error}. {left.told}" if left.problem else error))
        self._end(state, "error", kind)
        return left

    def _fail(self, found: StepRecord, error: str, kind: str) -> StepRecord:
        return replace(found, state="failed", error=self._redact_error(error), error_kind=kind, fingerprint="")

    def _redact_error(self, error: str) -> str:
        # Secrets are replaced before the text is shortened, because a part of a secret would not be found.
        return _cut_to_length(redact_text(error, self.around.secrets()))

    def _end(self, state: RunState, outcome: str, kind: str = "") -> None:
        finished = "" if state == "waiting" else now()
        ended = replace(self.record, state=state, outcome=outcome, finished=finished)
        self._save(ended.with_failure(kind) if outcome == "error" else ended)
        for listener in self.around.listeners:
            listener.run_ended(self.record)

    def _list_running(self) -> list[StepRecord]:
        return [step for step in self.record.steps if step.state == "running"]

    def _fingerprint(self, step: Step, found: StepRecord, *, recent: bool = False) -> str:
        given = step, found.parameters, self.record, self.workspace, self.around.observe
        return fingerprint_step(*given, recent=recent)

    def _tell_notebook(self, step: Step) -> dict[str, Any]:
        told = {RUN_FOLDER: str(self.folder)} if RUN_FOLDER in self.around.project.declared(step.notebook) else {}
        return {**self.plan.parameters.values[step.name], **told}


def _add_chosen_files(step: Step, found: StepRecord, results: Mapping[str, Any]) -> StepRecord:
    # The next run passes these files as parameters. Its fingerprint of the step is then the same, so the step is
    # reused.
    chosen = {name: results[name] for name in step.files if name in results and not found.parameters.get(name)}
    return replace(found, parameters={**found.parameters, **chosen})


def _cut_to_length(error: str) -> str:
    return error if len(error) <= ERROR_LENGTH else f"{error[:ERROR_LENGTH]}… (the executed notebook has the rest)"
