"""The records of runs: one ``run.json`` per run, which is rewritten atomically at every change."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlops.errors import FormatError, IntegrityError, RunNotFoundError, StepNotFoundError
from mlops.files.atomic import write_atomically
from mlops.files.records import read_record, require_format
from mlops.parameters.merging import Parameters
from mlops.record.order import sort_records, take_order
from mlops.record.processes import NO_PROCESS, ProcessId
from mlops.record.steps import Failure, StepRecord, StepState, find_failure

__all__ = ["FORMAT", "RunRecord", "RunSettings", "RunState", "StepRecord", "StepState"]

RunState = Literal["running", "waiting", "succeeded", "failed", "interrupted", "lost", "unreadable", "newer"]

UNENDED: tuple[RunState, ...] = ("interrupted", "lost", "unreadable", "newer")  # the states of runs without an outcome
LOST = "the process that executed the run ended before the run was finished"
RECORDS = "*/run.json"  # pattern for the paths of all records, relative to the folder of all runs
# The format of run.json. Records of format 1 have no number. Format 3 added `process.start` and each step's commit.
FORMAT = 3


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run: everything that is needed to resume it.

    Parameters
    ----------
    parameters : Parameters or None
        The parameters of all steps; None for a run that cannot be resumed, such as a sweep.
    only : str
        The name of the step to run (`--only`); empty if all steps run.
    force : bool
        Whether unchanged steps run again (`--force`).
    defaults : mapping of str to mapping
        The default parameters of each step's notebook, by the name of the step.
    problem : str
        The package that declares the problem, such as "churn". Empty in older records.
    """

    parameters: Parameters | None = None
    only: str = ""
    force: bool = False
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class RunRecord:
    """One run of a pipeline.

    Parameters
    ----------
    run_id : str
        The name of the run, and of its folder: "20261122-190758-all-3f9a51c2", or the name that the user gave with
        `--run-id`.
    pipeline, platform : str
        The names of the pipeline and the platform.
    state : str
        The state of the run: "running", "waiting" (between two steps that run in different processes), "succeeded",
        "failed", "interrupted", "lost" (the process of the run died), "unreadable" (the record is damaged) or "newer"
        (a newer version of mlops wrote the record).
    outcome : str
        The outcome of the run: "promoted", "rejected", "released", "rolled back", "done" or "error"; empty while the
        run is in progress.
    started, finished : str
        The times of the start and the end, in UTC and ISO 8601.
    git_commit : str
        The hash of the project's commit, followed by ``-dirty`` if tracked files differ from it; or "unknown".
    process : ProcessId
        The process that executes the run.
    steps : tuple of StepRecord
        The steps, in the order of the pipeline.
    error : str
        The error that ended the run, in a step or outside of all steps; empty if the run did not fail.
    failure : Failure or None
        The step, notebook and cell that failed, and the class of the error; None if the run did not fail.
    settings : RunSettings
        The settings with which the run was started.
    by : str
        The user who started the run; empty in older records.
    reason : str
        The reason that a person gave, for example for a rollback.
    format : int
        The format number of the record.
    order : int
        A number that sorts runs by the time of their start; 0 in older records.
    git_problem : str
        The reason why the commit is unknown; empty if it is known, and in older records.
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

    @property
    def ending(self) -> str:
        """The outcome of the run, or its state if it has no outcome: "running", "interrupted", "lost"."""
        return self.state if self.state in UNENDED else self.outcome or self.state

    def step(self, name: str) -> StepRecord | None:
        """Return the step `name`, or None if the run has no such step."""
        return next((step for step in self.steps if step.name == name), None)

    def get_step(self, name: str) -> StepRecord:
        """Return the step `name`. Raise StepNotFoundError if the run has no such step."""
        found = self.step(name)
        if found is None:
            known = ", ".join(step.name for step in self.steps)
            raise StepNotFoundError(f"The run {self.run_id} has no step {name!r}. It has: {known or 'none'}.")
        return found

    def has_results(self, name: str) -> bool:
        """Return whether the step `name` has results."""
        found = self.step(name)
        return found is not None and found.has_results

    def with_step(self, changed: StepRecord) -> "RunRecord":
        """Return a copy of the record in which the step `changed` replaces the step with the same name."""
        return replace(self, steps=tuple(changed if step.name == changed.name else step for step in self.steps))

    def result(self, name: str) -> Any:
        """Return the result `name` of the last step that has a result with this name, or None if no step has one."""
        found = (step.results[name] for step in reversed(self.steps) if name in step.results)
        return next(found, None)

    def with_failure(self, kind: str = "") -> "RunRecord":
        """Return a copy of the record with the error and the failure of the first step that failed.

        If no step failed, the copy keeps the run's error, and its failure tells only the class of this error: `kind`.
        """
        failed = find_failure(self.steps)
        if failed is None:
            return replace(self, failure=Failure(kind))
        error, failure = failed
        return replace(self, error=error, failure=failure)


@dataclass(frozen=True)
class Stamp:
    """The format number of a record."""

    format: int = 1


def make_run_id(pipeline: str) -> str:
    """Return a name for a new run, beginning with the present time."""
    made = datetime.now(UTC)
    return f"{made:%Y%m%d-%H%M%S}-{pipeline}-{made.microsecond:05x}{secrets.token_hex(2)[:3]}"


def make_run_folder(outputs: Path, pipeline: str, make_id: Callable[[str], str] = make_run_id) -> Path:
    """Create a folder for a new run in `outputs`, with a name that no other run has, and return its path.

    Parameters
    ----------
    outputs : Path
        The folder of all runs.
    pipeline : str
        The name of the run's pipeline.
    make_id : callable
        A function that takes the name of the pipeline and returns a name for the run. It is called again until
        the name is unused.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    while True:
        folder = outputs / make_id(pipeline)
        with suppress(FileExistsError):
            folder.mkdir()
            return folder


def number_run(outputs: Path) -> int:
    """Return the number of a run that starts now. The number is larger than those of all earlier runs."""
    return take_order(outputs.glob(RECORDS))


def write_run(record: RunRecord, outputs: Path) -> None:
    """Write ``<outputs>/<run id>/run.json``."""
    whole = replace(record, format=FORMAT)  # a copy, because msgspec omits defaults of decoded objects
    content = msgspec.json.format(msgspec.json.encode(whole), indent=1)
    write_atomically(outputs / record.run_id / "run.json", content)


def read_run(folder: Path) -> RunRecord:
    """Return the record of the run in `folder`. If its process died before the run ended, the state is "lost".

    Raises
    ------
    RunNotFoundError
        If the folder has no record.
    FormatError
        If a newer version of mlops wrote the record.
    IntegrityError
        If the record is damaged.
    """
    try:
        record = _read_supported(folder / "run.json")
    except (FileNotFoundError, NotADirectoryError):
        raise RunNotFoundError(f"{folder} is not the folder of a run, because it has no run.json.") from None
    if record.state == "running" and not record.process.alive:
        ended = tuple(
            replace(step, state="failed", error=LOST) if step.state == "running" else step for step in record.steps
        )
        lost = replace(record, state="lost", outcome="error", steps=ended, error=LOST)
        record = lost.with_failure()
    return record


def _read_supported(path: Path) -> RunRecord:
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
    """Yield the records of all runs, beginning with the run that started last."""
    for path in sort_records(outputs.glob(RECORDS)):
        with suppress(RunNotFoundError):  # the run was deleted after it was listed
            yield _read_or_mark(path.parent)


def _read_or_mark(folder: Path) -> RunRecord:
    try:
        return read_run(folder)
    except IntegrityError as error:
        said = str(error)
        return RunRecord(folder.name, "", "", "unreadable", "", "", NO_PROCESS, (), outcome="error", error=said)
    except FormatError:
        found = read_record(folder / "run.json", Stamp).format
        said = f"written by a newer version in format {found}; this version reads up to format {FORMAT}"
        return RunRecord(folder.name, "", "", "newer", "", "", NO_PROCESS, (), error=said, format=found)
