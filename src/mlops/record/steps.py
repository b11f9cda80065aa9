"""The records of a step and of a failure, as in ``run.json``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

StepState = Literal["pending", "running", "done", "failed", "skipped", "reused"]


INTERRUPTED = "interrupted"  # the beginning of the error of an interrupted step


@dataclass(frozen=True)
class StepRecord:
    """One step of a run.

    Parameters
    ----------
    name, notebook, environment : str
        The names of the step and its notebook, and the environment of the step, such as "qa"; empty if it has none.
    state : str
        The state of the step: "pending", "running", "done", "failed", "skipped" or "reused" (the results come from an
        earlier run).
    started : str
        The time of the start, in UTC and ISO 8601; empty before the step starts.
    seconds : float
        The duration of the step in seconds.
    reason : str
        The reason why the step was skipped or reused; empty otherwise.
    source : str
        The id of the run that produced the results of a reused step; empty otherwise.
    error : str
        The class and message of the error that ended the step; empty otherwise.
    error_kind : str
        The name of the class of the error, such as "ConflictError"; empty if there is none, and in older records.
    cell : str
        The first line of the cell that failed; empty if no cell failed.
    line : int
        The number of the failing line in this cell, counted from 1; 0 if it is unknown.
    parameters, results : mapping
        The parameters and the results of the notebook, by name.
    report : str
        The path of the step's HTML report, relative to the run's folder.
    fingerprint : str
        A hash of everything that the results depend on; empty if the results must not be reused.
    git_commit, notebook_sha256 : str
        The commit of the project and the hash of the notebook at the start of the step; empty before the start, and in
        older records.
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
    git_commit: str = ""
    notebook_sha256: str = ""

    @property
    def has_results(self) -> bool:
        """True if later steps can use the results of this step."""
        return self.state in ("done", "reused")

    @property
    def ending(self) -> str:
        """The state of the step, or "interrupted" if the user interrupted it."""
        interrupted = self.error == INTERRUPTED or self.error.startswith(f"{INTERRUPTED}. ")
        return INTERRUPTED if self.state == "failed" and interrupted else self.state

    @property
    def cause(self) -> str:
        """The name of the step and its error: "train: ValueError: no rows"; empty if the step did not fail."""
        return f"{self.name}: {self.error}" if self.state == "failed" else ""


@dataclass(frozen=True)
class Failure:
    """The failure of a run: the step, notebook and cell that failed, and the class of the error.

    Parameters
    ----------
    kind : str
        The name of the class of the error, such as "DataTestFailed"; empty if the kernel died without an error.
    step, notebook : str
        The step that failed and its notebook; empty if the run failed outside of any step.
    report : str
        The path of the step's report, relative to the run's folder.
    cell : str
        The first line of the cell that failed.
    line : int
        The number of the failing line in this cell, counted from 1; 0 if it is unknown.
    """

    kind: str = ""
    step: str = ""
    notebook: str = ""
    report: str = ""
    cell: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """A sentence about the place of the failure: "train failed in 02_train, in the cell that begins 'x = 1'"."""
        notebook = f" in {self.notebook}" if self.notebook else ""
        return f"{self.step} failed{notebook}{name_cell(self.cell)}" if self.step else ""


def name_cell(cell: str) -> str:
    """Return the end of a sentence, such as ", in the cell that begins 'x = 1'"; empty if no cell failed."""
    return f", in the cell that begins {cell!r}" if cell else ""


def find_failure(steps: Iterable[StepRecord]) -> tuple[str, Failure] | None:
    """Return the error and the place of the first step that failed, or None if no step failed."""
    failed = next((step for step in steps if step.state == "failed"), None)
    if failed is None:
        return None
    place = failed.name, failed.notebook, failed.report, failed.cell, failed.line
    return failed.error, Failure(failed.error_kind, *place)
