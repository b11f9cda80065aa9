"""One step of a run as `run.json` holds it, and the failure of a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

StepState = Literal["pending", "running", "done", "failed", "skipped", "reused"]


@dataclass(frozen=True)
class StepRecord:
    """One step of a run.

    Parameters
    ----------
    name, notebook, environment : str
        The step, the notebook that it runs, and the environment that it is for, if any.
    state : str
        "reused" is a step of an earlier run whose results this one took over.
    started : str
        UTC, ISO 8601; empty before it starts.
    seconds : float
        How long it took.
    reason : str
        Why it was skipped or reused; empty otherwise.
    source : str
        Id of the run whose results a reused step took over; empty otherwise.
    error : str
        Name and message of what ended it; empty otherwise.
    error_kind : str
        Class of the exception that ended it: "ConflictError"; empty if none did, and in records older than this field.
    cell : str
        The first line of the cell that failed; empty if none did.
    line : int
        The line of that cell that raised, counted from 1; 0 if it is unknown.
    parameters, results : mapping
        What the notebook was given, and what it handed on.
    report : str
        Its HTML report, relative to the run's folder.
    fingerprint : str
        Hash of all that its results depend on; empty where they must not be taken over as unchanged.
    """

    name: str
    notebook: str
    environment: str = ""
    state: StepState = "pending"
    started: str = ""
    seconds: float = 0.0
    reason: str = ""
    source: str = ""
    error: str = ""
    error_kind: str = ""
    cell: str = ""
    line: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    fingerprint: str = ""

    @property
    def has_results(self) -> bool:
        """Whether later steps can build on it."""
        return self.state in ("done", "reused")


@dataclass(frozen=True)
class Failure:
    """Where a run failed, in one place.

    Parameters
    ----------
    kind : str
        Class of the exception: "DataTestFailed"; empty if there was none, for example if the kernel died.
    step, notebook : str
        The step that failed and its notebook; empty if the run failed outside of any step.
    report : str
        The step's report, relative to the run's folder.
    cell : str
        The first line of the cell that failed.
    line : int
        The line of that cell, counted from 1; 0 if it is unknown.
    """

    kind: str = ""
    step: str = ""
    notebook: str = ""
    report: str = ""
    cell: str = ""
    line: int = 0


def find_failure(steps: Iterable[StepRecord]) -> tuple[str, Failure] | None:
    """Return the error of the first step that failed, and where it failed; None if none did."""
    failed = next((step for step in steps if step.state == "failed"), None)
    if failed is None:
        return None
    place = failed.name, failed.notebook, failed.report, failed.cell, failed.line
    return failed.error, Failure(failed.error_kind, *place)
