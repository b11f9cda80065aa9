"""The interface to jobs: one step of a submitted run, on the machine that executes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlops.record.conclusion import Conclusion


class Job(Protocol):
    """One step of a submitted run, on the machine that executes the step. All steps share the folder of the run."""

    @property
    def run_id(self) -> str:
        """The id of the submitted run, which is also the name of its folder."""
        ...

    def fetch_folder(self, folder: Path) -> None:
        """Download to `folder` all files that earlier steps stored; do nothing if there are none."""
        ...

    def store_folder(self, folder: Path) -> None:
        """Upload the files in `folder` for the next steps and for `mlops runs`; called even if the step failed."""
        ...

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record metrics of the step on the platform, for both the step and its run."""
        ...

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags to the submitted run, such as "BuildId" for its origin and "dataset" for its data."""
        ...

    def conclude(self, conclusion: Conclusion) -> None:
        """Record the outcome of the submitted run on the platform, as far as it is known; called after each step."""
        ...


class Jobs(Protocol):
    """The jobs of a platform, each of which executes one step of a submitted run."""

    def find_job(self) -> Job | None:
        """Return the step that this process executes, or None if the process does not belong to a submitted run.

        Called by `mlops run-step`.
        """
        ...
