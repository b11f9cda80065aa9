"""What ran: one ``run.json`` a run, written whole at every change of state, true after any crash."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlops.errors import FormatError, IntegrityError, RunNotFoundError, StepNotFoundError
from mlops.files import read_record, require_format, write_atomically
from mlops.parameters.merging import Parameters
from mlops.record.order import sort_records, take_order
from mlops.record.processes import NO_PROCESS, ProcessId
from mlops.record.steps import Failure, StepRecord, StepState, find_failure

__all__ = ["FORMAT", "RunRecord", "RunSettings", "RunState", "StepRecord", "StepState"]

RunState = Literal["running", "waiting", "succeeded", "failed", "interrupted", "lost", "unreadable", "newer"]

RECORDS = "*/run.json"  # in the folder of all runs
# Of run.json; records without a number are format 1. 3 adds the third item of `process`.
FORMAT = 3


@dataclass(frozen=True)
class RunSettings:
    """What a run was started with: all that is needed to resume it.

    Parameters
    ----------
    parameters : Parameters or None
        Of every step; None for a run that cannot be resumed, such as a sweep.
    only : str
        The one step that was asked for, or "".
    force : bool
        Whether unchanged steps run again.
    """

    parameters: Parameters | None = None
    only: str = ""
    force: bool = False


@dataclass(frozen=True)
class RunRecord:
    """One run of a pipeline.

    Parameters
    ----------
    run_id : str
        The name of its folder: "20261122-190758-all-3f9a51c2", or what somebody called it.
    pipeline, platform : str
        What ran, and where.
    state : str
        "waiting" is a submitted run between two of its steps, which may run on different machines; "lost" one whose
        process is gone without having said how it ended, "unreadable" one whose record is damaged, "newer" one that
        a newer version of this engine made.
    outcome : str
        "promoted", "rejected", "released", "rolled back", "done" or "error"; empty while it runs.
    started, finished : str
        UTC, ISO 8601.
    git_commit : str
        See `mlops.record.lineage`.
    process : ProcessId
        The process of the runner.
    steps : tuple of StepRecord
        In the order of the pipeline.
    error : str
        What ended the run, in a step or outside of any; empty if it did not fail.
    failure : Failure or None
        Where it failed.
    settings : RunSettings
        What it was started with.
    by : str
        The user who started it; empty in records older than this field.
    reason : str
        Why, where a person was asked for it: of a rollback.
    format : int
        Number of the record's format; every record is written in the newest one.
    order : int
        Sorts runs by their start: see `mlops.record.order`. 0 in records older than this field.
    git_problem : str
        The reason why the commit is unknown; empty if it is known, and in records older than this field.
    """

    run_id: str
    pipeline: str
    platform: str
    state: RunState
    outcome: str = field(default="", kw_only=True)
    error: str = field(default="", kw_only=True)
    failure: Failure | None = field(default=None, kw_only=True)
    started: str
    git_commit: str
    process: ProcessId
    steps: tuple[StepRecord, ...]
    finished: str = ""
    settings: RunSettings = field(default_factory=RunSettings)
    by: str = ""
    reason: str = ""
    format: int = FORMAT
    order: int = 0
    git_problem: str = ""

    def step(self, name: str) -> StepRecord | None:
        """Return the step of that name, or None where the run has none."""
        return next((step for step in self.steps if step.name == name), None)

    def get_step(self, name: str) -> StepRecord:
        """Return the step of that name; raises StepNotFoundError."""
        found = self.step(name)
        if found is None:
            known = ", ".join(step.name for step in self.steps)
            raise StepNotFoundError(f"The run {self.run_id} has no step {name!r}. It has: {known or 'none'}.")
        return found

    def with_step(self, changed: StepRecord) -> "RunRecord":
        """Return the record with one of its steps replaced by `changed`."""
        return replace(self, steps=tuple(changed if step.name == changed.name else step for step in self.steps))

    def result(self, name: str) -> Any:
        """Return what the last step that handed on `name` handed on, or None."""
        found = (step.results[name] for step in reversed(self.steps) if name in step.results)
        return next(found, None)

    def with_failure(self, kind: str = "") -> "RunRecord":
        """Return the record with its failure at the top; `kind` is that of an error outside of any step."""
        failed = find_failure(self.steps)
        if failed is None:
            return replace(self, failure=Failure(kind))
        error, failure = failed
        return replace(self, error=error, failure=failure)


@dataclass(frozen=True)
class Stamp:
    """The one field of a record that every version can read."""

    format: int = 1


def make_run_id(pipeline: str) -> str:
    """Return a new run's name, which begins with the time."""
    made = datetime.now(UTC)
    return f"{made:%Y%m%d-%H%M%S}-{pipeline}-{made.microsecond:05x}{secrets.token_hex(2)[:3]}"


def make_run_folder(outputs: Path, pipeline: str, make_id: Callable[[str], str] = make_run_id) -> Path:
    """Make the folder of a new run in `outputs`; its name, the run's, is no other run's.

    Parameters
    ----------
    outputs : Path
        The folder of all runs.
    pipeline : str
        What runs.
    make_id : callable
        Makes a name; called again as long as the name is taken.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    while True:
        folder = outputs / make_id(pipeline)
        with suppress(FileExistsError):
            folder.mkdir()
            return folder


def number_run(outputs: Path) -> int:
    """Return the `order` of a run that starts now in the folder of all runs."""
    return take_order(outputs.glob(RECORDS))


def write_run(record: RunRecord, outputs: Path) -> None:
    """Write ``<outputs>/<run id>/run.json``."""
    whole = replace(record, format=FORMAT)  # msgspec leaves defaults out of what it has decoded itself
    content = msgspec.json.format(msgspec.json.encode(whole), indent=1)
    write_atomically(outputs / record.run_id / "run.json", content)


def read_run(folder: Path) -> RunRecord:
    """Read the record of the run in `folder`; one whose process died is read as "lost".

    Raises
    ------
    RunNotFoundError
        If the folder holds no record.
    FormatError
        If a newer version of this engine made it.
    IntegrityError
        If the record is damaged.
    """
    try:
        record = _read_known(folder / "run.json")
    except (FileNotFoundError, NotADirectoryError):
        raise RunNotFoundError(f"{folder} holds no run.json: it is no run's folder") from None
    if record.state == "running" and not record.process.alive:
        ended = tuple(
            replace(step, state="failed", error="the runner's process is gone") if step.state == "running" else step
            for step in record.steps
        )
        lost = replace(record, state="lost", outcome="error", steps=ended, error="the runner's process is gone")
        record = lost.with_failure()
    return record


def _read_known(path: Path) -> RunRecord:
    """Read a record; one of a newer format is called that even where it no longer looks like a record of ours."""
    try:
        record = read_record(path, RunRecord)
    except IntegrityError:
        require_format(read_record(path, Stamp).format, FORMAT, str(path))
        raise
    require_format(record.format, FORMAT, str(path))
    return record


def list_runs(outputs: Path) -> list[RunRecord]:
    """Return the records of all runs, newest first."""
    return list(iterate_runs(outputs))


def iterate_runs(outputs: Path) -> Iterator[RunRecord]:
    """Read the records of the runs one by one, newest first: by their start, not by their names."""
    for path in sort_records(outputs.glob(RECORDS)):
        with suppress(RunNotFoundError):  # deleted since it was listed
            yield _read_or_mark(path.parent)


def _read_or_mark(folder: Path) -> RunRecord:
    try:
        return read_run(folder)
    except IntegrityError as error:
        said = str(error)
        return RunRecord(folder.name, "", "", "unreadable", "", "", NO_PROCESS, (), outcome="error", error=said)
    except FormatError:
        found = read_record(folder / "run.json", Stamp).format
        said = f"made by a newer version, format {found}; this one reads up to {FORMAT}"
        return RunRecord(folder.name, "", "", "newer", "", "", NO_PROCESS, (), error=said, format=found)
