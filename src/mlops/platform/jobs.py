"""The interface to jobs. A job is one step of a submitted run, on the machine that executes the step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlops.record.conclusion import Conclusion


class Job(Protocol):
    """One step of a submitted run, on the machine that executes the step. All steps of the run share one folder."""

    @property
    def run_id(self) -> str:
        """The id of the submitted run, which is also the name of its folder."""
        ...

    def fetch_folder(self, folder: Path) -> None:
        """Download to `folder` the files that earlier steps of the run stored. If there are none, nothing happens."""
        ...

    def store_folder(self, folder: Path) -> None:
        """Upload the files in `folder` for later steps of the run; called after each step, even if it failed."""
        ...

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record metrics of this step on the platform, for the step and for the whole run."""
        ...

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags to the submitted run."""
        ...

    def conclude(self, conclusion: Conclusion) -> None:
        """Record the current outcome of the submitted run on the platform; called after each step."""
        ...


class Jobs(Protocol):
    """Access to the job of the current process: the step that it executes for a submitted run."""

    def find_job(self) -> Job | None:
        """Return the step that this process executes, or None if it executes none; called by `mlops run-step`."""
        ...
